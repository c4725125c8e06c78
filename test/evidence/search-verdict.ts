import { fold, key, uniforms } from "@manyfold/core";

/** Regrets `[problem][sampler][seed][budget]`. */
export type Regrets = Record<string, Record<string, number[][]>>;

/** Regrets below this one are alike. */
const FLOOR = 1e-6;
/** What may be lost against the peer. */
const MARGIN = Math.log(1.25);
const RESAMPLES = 2000;
/** Our default sampler, and those that it is held against: the better one for each problem. */
const DEFAULT = "tpe";
const PEERS = ["tpe", "tpe-multivariate"];

const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

const logs = (rows: readonly number[][], budget: number): number[] =>
  rows.map((row) => Math.log(Math.max(row[budget] ?? 0, FLOOR)));

interface Comparison {
  readonly problem: string;
  readonly trials: number;
  readonly peer: string;
  readonly difference: number;
  /** One-sided 95 % bounds of the difference of mean log regrets. */
  readonly lower: number;
  readonly upper: number;
}

/** Our default sampler against Optuna's TPE, as a table and a verdict. */
export function judge(ours: Regrets, peers: Regrets, budgets: readonly number[]) {
  const comparisons: Comparison[] = [];
  const pooled: Omit<Comparison, "problem" | "peer">[] = [];
  const ranks = new Map<string, number[]>();
  const table: object[] = [];
  budgets.forEach((trials, budget) => {
    const resampled: Float64Array[] = [];
    for (const [problem, samplers] of Object.entries(ours)) {
      const of = new Map<string, number[]>();
      for (const [name, rows] of Object.entries(samplers)) of.set(name, logs(rows, budget));
      for (const [name, rows] of Object.entries(peers[problem] ?? {})) {
        of.set(`optuna ${name}`, logs(rows, budget));
      }
      const sorted = [...of].toSorted(([, a], [, b]) => mean(a) - mean(b));
      sorted.forEach(([name], rank) => ranks.set(name, [...(ranks.get(name) ?? []), rank + 1]));
      const means = Object.fromEntries(sorted.map(([name, values]) => [name, round(mean(values))]));
      table.push({ problem, trials, meanLogRegret: means });
      const own = of.get(DEFAULT);
      const peer = sorted.find(([name]) => PEERS.some((one) => name === `optuna ${one}`));
      if (own === undefined || peer === undefined) continue;
      const differences = bootstrap(own, peer[1], `${problem} ${trials}`);
      resampled.push(differences);
      const difference = mean(own) - mean(peer[1]);
      comparisons.push({ problem, trials, peer: peer[0], difference, ...boundsOf(differences) });
    }
    const all = Float64Array.from({ length: RESAMPLES }, (_, i) =>
      mean(resampled.map((one) => one[i] ?? 0)),
    );
    const here = comparisons.filter((one) => one.trials === trials);
    const difference = mean(here.map((one) => one.difference));
    if (here.length > 0) pooled.push({ trials, difference, ...boundsOf(all) });
  });
  // A mean rank is told only of samplers that took part everywhere.
  const rounds = budgets.length * Object.keys(ours).length;
  const meanRanks = [...ranks]
    .filter(([, list]) => list.length === rounds)
    .map(([name, list]): [string, number] => [name, round(mean(list))])
    .toSorted(([, a], [, b]) => a - b);
  const checks = {
    "pooled upper bound <= ln 1.25 at each budget":
      pooled.length === budgets.length && pooled.every(({ upper }) => upper <= MARGIN),
    "no problem's lower bound above ln 1.25": comparisons.every(({ lower }) => lower <= MARGIN),
    "our default sampler has the lowest mean rank": meanRanks[0]?.[0] === DEFAULT,
  };
  const line = ({ difference, lower, upper }: Omit<Comparison, "problem" | "peer">) =>
    `${sign(difference)} [${sign(lower)}, ${sign(upper)}]`;
  const lines = [
    `difference of mean log regret (ours - Optuna's better TPE), margin ln 1.25 = ${sign(MARGIN)}`,
    ...comparisons.map((one) =>
      [one.problem.padEnd(12), String(one.trials).padStart(4), line(one), one.peer].join("  "),
    ),
    ...pooled.map((one) =>
      ["pooled".padEnd(12), String(one.trials).padStart(4), line(one)].join("  "),
    ),
    `mean ranks: ${meanRanks.map(([name, rank]) => `${name} ${rank}`).join(", ")}`,
    ...Object.entries(checks).map(([name, isMet]) => `${isMet ? "met" : "NOT MET"}: ${name}`),
  ];
  const isMet = Object.values(checks).every(Boolean);
  const seeds = {
    ours: Object.values(ours)[0]?.[DEFAULT]?.length ?? 0,
    peers: Math.min(
      ...Object.values(peers).flatMap((one) => Object.values(one).map((rows) => rows.length)),
    ),
  };
  return {
    lines,
    isMet,
    record: { seeds, margin: MARGIN, checks, meanRanks, pooled, comparisons, table },
  };
}

/** Differences of means over resamples of both, each drawn by itself: the seeds are no pairs. */
function bootstrap(own: readonly number[], peer: readonly number[], name: string): Float64Array {
  const width = own.length + peer.length;
  const draws = uniforms(fold(key(1), name), RESAMPLES * width);
  return Float64Array.from({ length: RESAMPLES }, (_, i) => {
    let [a, b] = [0, 0];
    for (let k = 0; k < width; k++) {
      const share = draws[i * width + k] ?? 0;
      if (k < own.length) a += own[Math.floor(share * own.length)] ?? 0;
      else b += peer[Math.floor(share * peer.length)] ?? 0;
    }
    return a / own.length - b / peer.length;
  });
}

function boundsOf(differences: Float64Array): { lower: number; upper: number } {
  const sorted = differences.toSorted();
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  return { lower: at(0.05), upper: at(0.95) };
}

const round = (value: number): number => Number(value.toFixed(4));
const sign = (value: number): string => `${value < 0 ? "" : "+"}${value.toFixed(3)}`;
