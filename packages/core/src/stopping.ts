import type { EarlyStopping } from "@manyfold/protocol";

/** What a held-out loss says about the epoch that it was measured after. */
export type Verdict = "best" | "wait" | "stop";

/**
 * Early stopping (Goodfellow, Bengio, Courville 2016, algorithm 7.1), measured once an epoch: an
 * epoch is the best so far if its loss lies more than `minDelta` below the best before it; after
 * `patience` epochs in a row that are not, the training stops. The caller keeps the best weights.
 *
 * @returns a function to be told each epoch's held-out loss
 */
export function earlyStopping({
  patience,
  minDelta,
}: Pick<EarlyStopping, "patience" | "minDelta">): (loss: number) => Verdict {
  let best = Infinity;
  let waited = 0;
  return (loss) => {
    if (loss < best - minDelta) {
      best = loss;
      waited = 0;
      return "best";
    }
    waited += 1;
    return waited >= patience ? "stop" : "wait";
  };
}
