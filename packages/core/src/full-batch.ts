import { match, type Regularizer, type SecondOrder, tagOf } from "@manyfold/protocol";
import { arithmeticOf } from "./arithmetic.ts";
import { type Gather, gatherWeights } from "./batches.ts";
import { compileCurvature, type CurvatureProgram } from "./curvature.ts";
import type { Epochs } from "./epochs.ts";
import type { Values } from "./kernels/kernels.ts";
import { isFlat, iterationOf } from "./minimise/minimise.ts";
import { type Point, pointAt, type SmoothObjective } from "./minimise/objective.ts";
import type { TrainJob } from "./train.ts";
import type { Work, Workbench } from "./workbench.ts";

/** Rows that are computed at once; sums over them are float64, and in their order. */
export const FULL_CHUNK = 256;

/**
 * The epochs of a second-order training: one iteration of its method each, on all rows. Loss and
 * gradients are computed in the training's arithmetic, chunk by chunk, and summed in float64, as are
 * the vectors of the method; the weights of an epoch are its point, rounded.
 */
export function fullBatchEpochs(
  bench: Workbench,
  work: Work,
  method: SecondOrder,
  job: TrainJob,
  gather: Gather,
): Epochs {
  let cancelled = false;
  const asked = (): boolean => (cancelled ||= job.cancelled?.() === true);
  const penalty = penaltyOf(job);
  const objective = objectiveOf(bench, work, job, gather, penalty, asked);
  const iterate = iterationOf(method, objective);
  const { tolerance } = Object.values(method)[0] as { tolerance: number };
  let at: Point | null = null;
  let ended = false;
  const run = (): number | null => {
    at ??= pointAt(objective, Float64Array.from(bench.parameters));
    const next = isFlat(at, tolerance) ? null : iterate(at);
    if (cancelled || asked()) return null;
    ended = next === null;
    at = next ?? at;
    bench.parameters.set(at.theta);
    return at.value - penalty.value(at.theta);
  };
  return { run, rate: () => 1, observe: undefined, ended: () => ended };
}

/** The smooth penalties of a training: alpha / 2 w'w over its weights. */
interface Penalty {
  readonly alpha: number;
  /** 1 for a weight, 0 for a bias. */
  readonly mask: Float64Array;
  readonly value: (theta: Float64Array) => number;
}

function penaltyOf({ spec, network }: TrainJob): Penalty {
  const alpha = spec.regularizers.reduce((sum, one) => sum + smoothStrength(one), 0);
  const mask = new Float64Array(network.parameters.size);
  for (const { kind, offset, size } of network.parameters.tensors) {
    if (kind === "weight") mask.fill(1, offset, offset + size);
  }
  const value = (theta: Float64Array): number => {
    if (alpha === 0) return 0;
    let squares = 0;
    for (let i = 0; i < theta.length; i++) squares += mask[i]! * theta[i]! * theta[i]!;
    return (alpha / 2) * squares;
  };
  return { alpha, mask, value };
}

/** Others than l2 have kinks; an experiment with one of them is refused before it runs. */
function smoothStrength(regularizer: Regularizer): number {
  return "l2" in regularizer ? regularizer.l2 : 0;
}

function objectiveOf(
  bench: Workbench,
  work: Work,
  { network, rows, weights }: TrainJob,
  gather: Gather,
  penalty: Penalty,
  cancelled: () => boolean,
): SmoothObjective {
  const { alpha, mask } = penalty;
  const { training, x, y, parameters, gradients } = bench;
  const { size } = network.parameters;
  const chunk = work.batches[0] ?? 1;
  const order = Uint32Array.from(rows, (_, i) => i);
  const eachChunk = (
    xOut: Float32Array,
    yOut: Float32Array,
    weightsOut: Values,
    run: (count: number) => void,
  ) => {
    for (let from = 0; from < rows.length && !cancelled(); from += chunk) {
      const to = Math.min(from + chunk, rows.length);
      gather(rows, order, from, to, xOut, yOut);
      if (weights !== undefined) gatherWeights(weights, rows, order, from, to, weightsOut);
      run(to - from);
    }
  };
  let curvature: CurvatureProgram | null = null;
  return {
    size,
    evaluate(theta, gradient) {
      parameters.set(theta);
      gradient.fill(0);
      let total = 0;
      eachChunk(x, y, training.weights, (count) => {
        total += training.run(count, [0, 0]) * count;
        for (let i = 0; i < size; i++) gradient[i]! += gradients[i]! * count;
      });
      if (cancelled()) return NaN;
      for (let i = 0; i < size; i++) {
        gradient[i] = gradient[i]! / rows.length + alpha * mask[i]! * theta[i]!;
      }
      return total / rows.length + penalty.value(theta);
    },
    curvature(theta, v) {
      const { kernels } = arithmeticOf(work.variant);
      curvature ??= compileCurvature(network, {
        loss: work.loss,
        batches: work.batches,
        kernels,
        weighted: weights !== undefined,
      });
      const program = curvature;
      program.parameters.set(theta);
      // Of length 1 the vector loses least to rounding, and products of small ones do not vanish.
      const length = Math.sqrt(v.reduce((sum, one) => sum + one * one, 0));
      if (!(length > 0)) return new Float64Array(size);
      program.direction.set(v.map((one) => one / length));
      const out = new Float64Array(size);
      const [px, py] = [program.x, program.y];
      if (!(px instanceof Float32Array && py instanceof Float32Array)) return out;
      eachChunk(px, py, program.weights, (count) => {
        program.run(count);
        for (let i = 0; i < size; i++) out[i]! += program.product[i]! * count;
      });
      return out.map((one, i) => (one * length) / rows.length + alpha * mask[i]! * v[i]!);
    },
  };
}

/** Whether a method takes products with the Hessian. */
export function wantsCurvature(method: SecondOrder): boolean {
  return ["newton", "newtonCg", "cg"].includes(tagOf(method));
}

/** Numbers (float64) that a method keeps, for a memory estimate. */
export function minimiserElements(method: SecondOrder, size: number): number {
  return match<SecondOrder, number>(method, {
    newton: () => 3 * size * size + 12 * size,
    newtonCg: () => 16 * size,
    cg: () => 16 * size,
    bfgs: () => size * size + 16 * size,
    lbfgs: ({ memory }) => (2 * memory + 16) * size,
  });
}
