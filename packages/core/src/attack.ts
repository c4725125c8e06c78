import { plainKernels } from "./arithmetic.ts";
import { grad } from "./autodiff.ts";
import { gatherFrom, type RowSource } from "./batches.ts";
import type { Values } from "./kernels/kernels.ts";
import { networkGraph } from "./loss-graph.ts";
import type { LossName } from "./losses.ts";
import { input, sum } from "./ops.ts";
import { planGraph } from "./plan.ts";
import { bindPlan } from "./run.ts";
import { networkLossRows, predictionOf } from "./sides.ts";

/** Rows that are attacked at once; changes no result. */
const CHUNK = 64;

/** How far an attack may go: `[inputs]` each, the reach around a row and the box of the data. */
export interface AttackBox {
  readonly reach: Float32Array;
  readonly low: Float32Array;
  readonly high: Float32Array;
}

/** Means over rows, where they are and where an attack has moved them. */
export interface Attacked {
  readonly clean: { readonly loss: number; readonly error: number };
  readonly moved: { readonly loss: number; readonly error: number };
}

/** The box of rows: each input may move by a share of its range over them. */
export function attackBox(source: RowSource, rows: Uint32Array, epsilon: number): AttackBox {
  const { inputs, targets } = source.network;
  const gather = gatherFrom(source);
  const [x, y, order] = [new Float32Array(inputs), new Float32Array(targets), Uint32Array.of(0)];
  const low = new Float32Array(inputs).fill(Infinity);
  const high = new Float32Array(inputs).fill(-Infinity);
  for (let at = 0; at < rows.length; at++) {
    gather(rows.subarray(at, at + 1), order, 0, 1, x, y);
    for (let i = 0; i < inputs; i++) {
      low[i] = Math.min(low[i]!, x[i]!);
      high[i] = Math.max(high[i]!, x[i]!);
    }
  }
  return { reach: low.map((least, i) => epsilon * (high[i]! - least)), low, high };
}

/**
 * Projected gradient ascent on each row's own loss (Madry et al. 2018): from the row itself, so many
 * steps of 2.5 / steps of the reach along the sign of the slope, each brought back to within the
 * reach of the row and the box. One whole step is the fast gradient sign. Plain arithmetic, dropout
 * off. `error` is the share of rows of a wrong class; for a regression it is 0.
 */
export function attacked(
  source: RowSource,
  weights: Float32Array,
  rows: Uint32Array,
  settings: { readonly loss: LossName; readonly box: AttackBox; readonly steps: number },
): Attacked {
  const { network } = source;
  const { loss, box, steps } = settings;
  const { inputs, targets, outputs } = network;
  const graph = networkGraph(network, CHUNK, "off");
  const { logits } = graph.forward;
  const losses = networkLossRows(network, loss, logits, input("y", [CHUNK, targets]));
  const [slope] = grad(sum(losses), [graph.x]);
  const prediction = predictionOf(network, logits);
  const program = bindPlan(
    planGraph({ outputs: { losses, slope: slope!, prediction } }),
    plainKernels(),
  );
  for (const { name, offset, size } of network.parameters.tensors) {
    program.inputs.get(name)?.set(weights.subarray(offset, offset + size));
  }
  const view = (views: ReadonlyMap<string, Values>, name: string): Values => views.get(name)!;
  const [x, y] = [view(program.inputs, "x"), view(program.inputs, "y")];
  const gather = gatherFrom(source);
  const order = Uint32Array.from(rows, (_, i) => i);
  const own = { x: new Float32Array(CHUNK * inputs), y: new Float32Array(CHUNK * targets) };
  const length = steps === 1 ? 1 : 2.5 / steps;

  const measure = (count: number, truth: Float32Array): { loss: number; error: number } => {
    const [lost, said] = [view(program.outputs, "losses"), view(program.outputs, "prediction")];
    const into = { loss: 0, error: 0 };
    for (let row = 0; row < count; row++) {
      into.loss += lost[row]! / rows.length;
      if (network.task === "regression") continue;
      const probabilities = said.subarray(row * outputs, (row + 1) * outputs);
      const most = probabilities.indexOf(Math.max(...probabilities));
      if (most !== truth[row]) into.error += 1 / rows.length;
    }
    return into;
  };

  const total = { clean: { loss: 0, error: 0 }, moved: { loss: 0, error: 0 } };
  for (let from = 0; from < rows.length; from += CHUNK) {
    const count = Math.min(CHUNK, rows.length - from);
    gather(rows, order, from, from + count, own.x, own.y);
    const truth = Float32Array.from(rows.subarray(from, from + count), (row) => source.y[row]!);
    x.set(own.x);
    y.set(own.y);
    const add = (kind: keyof typeof total): void => {
      program.run();
      const { loss: lost, error } = measure(count, truth);
      total[kind].loss += lost;
      total[kind].error += error;
    };
    add("clean");
    for (let step = 0; step < steps; step++) {
      if (step > 0) program.run();
      const along = view(program.outputs, "slope");
      for (let at = 0; at < count * inputs; at++) {
        const i = at % inputs;
        const reach = box.reach[i]!;
        const to = x[at]! + length * reach * Math.sign(along[at]!);
        const near = Math.min(own.x[at]! + reach, Math.max(own.x[at]! - reach, to));
        // A row from elsewhere may lie outside the box, and stays where it is then.
        const low = Math.min(box.low[i]!, own.x[at]!);
        const high = Math.max(box.high[i]!, own.x[at]!);
        x[at] = Math.min(high, Math.max(low, near));
      }
    }
    add("moved");
  }
  return total;
}
