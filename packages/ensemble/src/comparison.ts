import { combine } from "./combiners.ts";
import type { Members, Truth } from "./members.ts";
import { type GaussianSpread, gaussianOf, metrics } from "./metrics.ts";
import type { Combiner, Metrics, RunResult } from "@manyfold/protocol";
import { tagOf } from "@manyfold/protocol";

/** Combiners that need nothing fitted, by the tasks they are for. */
const PLAIN: { readonly [Task in Truth["task"]]: readonly Combiner[] } = {
  classification: [
    { mean: {} },
    { median: {} },
    { trimmed: { fraction: 0.1 } },
    { geometric: {} },
    { vote: {} },
  ],
  regression: [{ mean: {} }, { median: {} }, { trimmed: { fraction: 0.1 } }],
};

/** Most rows that a report lists; more would only thicken the plot. */
const LISTED = 2000;

/** Predicted value, residual and spread of the rows of a regression, thinned evenly. */
export function residualsOf(
  truth: Truth,
  combined: Float64Array,
  spread: Float64Array,
): RunResult["residuals"] {
  if (truth.task === "classification") return null;
  const step = Math.max(1, Math.ceil(truth.values.length / LISTED));
  const listed: NonNullable<RunResult["residuals"]> = [];
  for (let at = 0; at < truth.values.length; at += step) {
    const predicted = combined[at] ?? 0;
    listed.push({
      predicted,
      residual: (truth.values[at] ?? 0) - predicted,
      spread: spread[at] ?? 0,
    });
  }
  return listed;
}

/** The configured combiner beside the others and beside the members alone, on the same rows. */
export function comparisonOf(
  members: Members,
  truth: Truth,
  gaussian: GaussianSpread | undefined,
  configured: { combiner: Combiner; combined: Float64Array },
): RunResult["comparison"] {
  const name: string = tagOf(configured.combiner);
  const rows: RunResult["comparison"] = [
    { name, metrics: metrics(truth, configured.combined, gaussian) },
  ];
  if (members.members.length === 1) return rows;
  for (const combiner of PLAIN[members.task]) {
    if (tagOf(combiner) === name) continue;
    const prediction = combine(combiner, members);
    rows.push({ name: tagOf(combiner), metrics: metrics(truth, prediction, gaussian) });
  }
  const alone = members.members.map((member) => {
    // One net has no spread of its own: its Gaussian is as wide as the ensemble's residuals.
    const own = { ...members, members: [member] };
    const none = gaussian && gaussianOf(own, gaussian.residualVariance);
    return { member: member.member, metrics: metrics(truth, member.values, none) };
  });
  const error = ({ metrics: own }: { metrics: Metrics }) => ("brier" in own ? own.brier : own.rmse);
  const best = alone.reduce((least, own) => (error(own) < error(least) ? own : least));
  rows.push({ name: `best member (${best.member})`, metrics: best.metrics });
  rows.push({ name: "mean of the members", metrics: meanMetrics(alone.map((own) => own.metrics)) });
  return rows;
}

function meanMetrics(all: readonly Metrics[]): Metrics {
  const [first] = all;
  if (!first) throw new Error("A mean needs at least one score.");
  const mean = Object.keys(first).map((name): [string, number] => {
    const values = all.map((own) => (own as Record<string, number>)[name] ?? 0);
    return [name, values.reduce((sum, value) => sum + value, 0) / all.length];
  });
  return Object.fromEntries(mean) as Metrics;
}
