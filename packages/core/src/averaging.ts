import type { WeightAverage } from "@manyfold/protocol";

/** The mean of a training's weights along its way. */
export interface RunningMean {
  /** Weights that it is the mean of. */
  count: number;
  /** `[parameters]`; empty while there are none. */
  weights: Float32Array;
}

/**
 * Stochastic weight averaging (Izmailov et al. 2018, algorithm 1): the mean of the weights after each
 * epoch beyond the share `from` of all, and from there on after every so many; the last epoch is one
 * of them only if the count comes out so. One point after another joins by w + (x - w) / n, rounded to
 * float32 each time.
 *
 * @param mean what there is already, changed in place
 * @param epochs of the whole training
 * @returns to be told the weights after each epoch
 */
export function averaging(
  { from, every }: WeightAverage,
  mean: RunningMean,
  epochs: number,
): (epoch: number, weights: Float32Array) => void {
  const first = Math.min(epochs, Math.floor(from * epochs) + 1);
  return (epoch, weights) => {
    if (epoch < first || (epoch - first) % every !== 0) return;
    if (mean.count === 0) mean.weights = new Float32Array(weights.length);
    mean.count += 1;
    const own = mean.weights;
    for (let i = 0; i < own.length; i++) own[i]! += (weights[i]! - own[i]!) / mean.count;
  };
}
