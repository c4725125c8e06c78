import { match, type Semi } from "@manyfold/protocol";
import { type Gather, gatherFrom, rowCount } from "./batches.ts";
import type { Network } from "./network.ts";
import { compilePrediction } from "./program.ts";
import type { TrainJob } from "./train.ts";

/** How rows without a target take part in a training. */
export interface Unlabelled {
  /** As the plain one, but a row without a target has the row of targets that it is given here. */
  readonly gather: Gather;
  /** Called before each epoch, with the weights as they are. */
  readonly prepare: (epoch: number, parameters: Float32Array) => void;
}

/**
 * The rows that a training visits each epoch: each labelled row, as often as makes the labelled rows
 * at least half as many as the others (rounded), and each row without a target.
 */
export function visitedRows({ spec, rows, unlabelled }: TrainJob): Uint32Array {
  if (spec.semi === undefined || unlabelled === undefined) return rows;
  const times = timesOf(rows.length, unlabelled.length);
  return Uint32Array.from([
    ...Array.from({ length: times }, () => [...rows]).flat(),
    ...unlabelled,
  ]);
}

function timesOf(labelled: number, unlabelled: number): number {
  return Math.max(1, Math.round(unlabelled / labelled));
}

/**
 * Rows without a target in a training by softmax cross-entropy, -Σ y log p: their y is all zeros,
 * which has neither loss nor gradient, or with pseudo-labels (Lee 2013) their weight at the class that
 * the network, dropout off and in plain arithmetic, gives at least the threshold's probability before
 * the epoch. Virtual adversarial training is a term of the objective (`loss-graph.ts`) on all rows.
 */
export function startSemi(job: TrainJob, semi: Semi): Unlabelled {
  const { network, spec, unlabelled = new Uint32Array(0) } = job;
  const count = rowCount(job);
  const isUnlabelled = new Uint8Array(count);
  for (const row of unlabelled) isUnlabelled[row] = 1;
  /** Class of each unlabelled row; -1 where it is not known. */
  const guess = new Int32Array(count).fill(-1);
  const plain = gatherFrom(job);
  let weight = 0;
  const { targets } = network;
  const gather: Gather = (rows, order, from, to, x, y) => {
    plain(rows, order, from, to, x, y);
    for (let i = from; i < to; i++) {
      const row = rows[order[i]!]!;
      if (isUnlabelled[row] === 0) continue;
      const at = (i - from) * targets;
      y.fill(0, at, at + targets);
      if (guess[row]! >= 0) y[at + guess[row]!] = weight;
    }
  };
  const prepare = match<Semi, Unlabelled["prepare"]>(semi, {
    vat: () => () => {},
    pseudoLabels: ({ threshold, weight: full, warmUp }) => {
      const label = labeller(job, unlabelled, guess, threshold);
      const rise = warmUp * (spec.horizon ?? spec.epochs);
      return (epoch, parameters) => {
        weight = Math.fround(full * Math.min(1, (epoch - 1) / Math.max(1, rise)));
        if (weight > 0) label(parameters);
      };
    },
  });
  return { gather, prepare };
}

/** Writes the classes of the rows that the network is sure of; of equal ones the first. */
function labeller(
  job: TrainJob,
  unlabelled: Uint32Array,
  guess: Int32Array,
  threshold: number,
): (parameters: Float32Array) => void {
  const { network } = job;
  const program = compilePrediction(network);
  const x = inputsOf(job, network, unlabelled);
  return (parameters) => {
    const predicted = program.run(parameters, x, unlabelled.length);
    for (const [i, row] of unlabelled.entries()) {
      const own = predicted.subarray(i * network.outputs, (i + 1) * network.outputs);
      const most = own.reduce((best, value, k) => (value > own[best]! ? k : best), 0);
      guess[row] = own[most]! >= threshold ? most : -1;
    }
  };
}

function inputsOf(job: TrainJob, { inputs, targets }: Network, rows: Uint32Array): Float32Array {
  const order = Uint32Array.from(rows, (_, i) => i);
  const x = new Float32Array(rows.length * inputs);
  gatherFrom(job)(rows, order, 0, rows.length, x, new Float32Array(rows.length * targets));
  return x;
}
