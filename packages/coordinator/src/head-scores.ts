import { rowsOf, type Table } from "@manyfold/data";
import {
  type Ensemble,
  gaussianOf,
  isProbabilistic,
  type Members,
  metrics,
  residualVariance,
  spreadOf,
  type Truth,
  truthOf,
} from "@manyfold/ensemble";
import type { HeadScore, Metrics } from "@manyfold/protocol";

/**
 * What the model's further heads come to on the analysed rows: the mean of all members, and the mean
 * of their own scores. Nothing was decided by these.
 */
export function headScores(ensemble: Ensemble, table: Table, on: "test" | "train"): HeadScore[] {
  const { heads = [] } = ensemble.description.preprocessing;
  if (heads.length === 0) return [];
  const scored = rowsOf(table, on);
  const trained = rowsOf(table, "train");
  const predicted = ensemble.predictHeads(rowsOfInputs(table, scored));
  const flattered = ensemble.predictHeads(rowsOfInputs(table, trained));
  return heads.map((target, head): HeadScore => {
    const y = Float32Array.from(
      { length: table.roles.length },
      (_, row) => table.sides[row * heads.length + head]!,
    );
    const known = { truth: truthOf(target, y, scored), trained: truthOf(target, y, trained) };
    const { members, values } = predicted[head]!;
    const own = flattered[head]!;
    return {
      target: target.task === "classification" ? target.column : target.columns[0]!.name,
      task: target.task,
      on,
      metrics: scoreOf(known, members, values, own.members, own.values),
      member: meanOf(
        members.members.map((member, i) => {
          const alone = (all: Members): Members => ({ ...all, members: [all.members[i]!] });
          return scoreOf(
            known,
            alone(members),
            member.values,
            alone(own.members),
            own.members.members[i]!.values,
          );
        }),
      ),
    };
  });
}

/** The width of a Gaussian around values comes from the training rows, which flatter. */
function scoreOf(
  { truth, trained }: { readonly truth: Truth; readonly trained: Truth },
  members: Members,
  values: Float64Array,
  trainedMembers: Members,
  trainedValues: Float64Array,
): Metrics {
  if (truth.task === "classification") return metrics(truth, values);
  const residual = isProbabilistic(members)
    ? null
    : residualVariance(trained, trainedValues, spreadOf(trainedMembers));
  return metrics(truth, values, gaussianOf(members, residual));
}

function meanOf(all: readonly Metrics[]): Metrics {
  const names = Object.keys(all[0]!);
  const value = (metrics: Metrics, name: string): number =>
    (metrics as { readonly [name: string]: number })[name] ?? 0;
  return Object.fromEntries(
    names.map((name) => [
      name,
      all.reduce((total, one) => total + value(one, name), 0) / all.length,
    ]),
  ) as Metrics;
}

/** Inputs `[rows, inputs]` of some rows of a table. */
export function rowsOfInputs(table: Table, rows: Uint32Array): Float32Array {
  const { inputs } = table.ref;
  const picked = new Float32Array(rows.length * inputs);
  rows.forEach((row, at) =>
    picked.set(table.x.subarray(row * inputs, (row + 1) * inputs), at * inputs),
  );
  return picked;
}
