// Ensembles chosen from a search's own trials against the best single trial, at the same budget: the
// same networks, no training more. For information also that best setting, trained once more on all
// training rows. Resumable: `npm run evidence -- search-ensemble [--seeds 20] [--only digits]`;
// UCI_DATA names the folder of concrete.csv.
import { parseArgs } from "node:util";
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { begin, checkExperiment, finish, fold, runToEnd } from "@manyfold/coordinator";
import { prepare } from "@manyfold/data";
import { memoryBlobs, memoryJournal, readCsv } from "@manyfold/files";
import type { ExperimentInput, JournalRecord, Metrics } from "@manyfold/protocol";
import { Experiment } from "@manyfold/protocol";
import { preferredVariant, threadsExecutor } from "@manyfold/workers";
import { keep, kept, mean, meanInterval } from "./experiments.ts";

const clock = { now: () => Date.now(), monotonic: () => performance.now() };
const timers = {
  sleep: (milliseconds: number) => delay(milliseconds),
  every: (milliseconds: number, callback: () => void) => {
    const timer = setInterval(callback, milliseconds);
    return () => clearInterval(timer);
  },
};

/** Where the UCI sets lie: they are not part of this repository. */
const UCI = process.env["UCI_DATA"] ?? "data/uci";

const WAYS = ["greedy", "minimumVariance", "top"] as const;
type Way = (typeof WAYS)[number];

const TRIALS = 32;
const space = {
  "train.optimizer.adam.lr": { float: [0.0005, 0.03], scale: "log" },
  "train.regularizers.0.l2": { float: [0.000001, 0.1], scale: "log" },
  "train.batch": { categorical: [16, 32, 64], ordered: true },
  "model.layers.0.dense.units": { int: [8, 96], scale: "log" },
  "model.layers.0.dense.activation": { categorical: ["relu", "tanh"] },
} as const;

const experimentOf = (data: ExperimentInput["data"], epochs: number): ExperimentInput => ({
  version: 1,
  name: "search-ensemble",
  data,
  model: { layers: [{ dense: { units: 32, activation: "relu" } }] },
  train: {
    epochs,
    batch: 32,
    optimizer: { adam: { lr: 0.003 } },
    regularizers: [{ l2: 0.0001 }],
  },
  search: { sampler: "random", trials: TRIALS, space: structuredClone(space) as object as never },
});

const SETS = {
  digits: experimentOf(
    {
      source: "configs/data/digits.csv",
      target: "digit",
      task: "classification",
      split: { test: 0.25, stratify: true },
      scale: "minmax",
    },
    20,
  ),
  diabetes: experimentOf(
    {
      source: "configs/data/diabetes.csv",
      target: "progression",
      task: "regression",
      split: { test: 0.25 },
      scale: "standard",
    },
    30,
  ),
  concrete: experimentOf(
    {
      source: `${UCI}/concrete.csv`,
      target: "strength",
      task: "regression",
      split: { test: 0.25 },
      scale: "standard",
    },
    60,
  ),
} satisfies Record<string, ExperimentInput>;
type Name = keyof typeof SETS;

/** Errors on the test rows: Brier score or RMSE. */
interface Row {
  readonly seed: number;
  /** The trial of the best validation value, as the search trained it. */
  readonly best: number;
  /** Its setting, trained once more on all training rows. */
  readonly refitted: number;
  /** The greedy choice's settings, each trained once more on all training rows. */
  readonly anew?: { readonly error: number; readonly members: number };
  readonly ensembles: { readonly [W in Way]: { readonly error: number; readonly members: number } };
}

const { values } = parseArgs({
  options: { seeds: { type: "string" }, only: { type: "string" } },
});
const seeds = Number(values.seeds ?? 20);
const names = (Object.keys(SETS) as Name[]).filter(
  (name) => values.only === undefined || values.only.split(",").includes(name),
);

const blobs = memoryBlobs();
const executor = threadsExecutor({ blobs, clock, timers, workers: availableParallelism() });
const setting = { executor: "threads", host: "local", node: process.version, manyfold: "" };
const errorOf = (metrics: Metrics | null | undefined): number => {
  if (!metrics) throw new Error("no metrics");
  return "brier" in metrics ? metrics.brier : metrics.rmse;
};

async function createdOf(input: ExperimentInput): Promise<JournalRecord> {
  const experiment = Experiment.parse(input);
  checkExperiment(experiment);
  const table = await readCsv(experiment.data.source, experiment.data);
  const { data, tables } = prepare(table, experiment);
  for (const bytes of tables) await blobs.put(bytes);
  const shared = { version: 1, run: "r", variant: preferredVariant(), time: 0 } as const;
  return { type: "created", ...shared, experiment, data, manyfold: "evidence" };
}

/** All of one seed: its trials are trained once, whatever is made of them. */
async function rowOf(name: Name, seed: number): Promise<Row> {
  const input: ExperimentInput = { ...SETS[name], seed };
  const chosenBy = (choose: Way) => ({ ...input, ensemble: { fromSearch: { choose } } });
  const journal = memoryJournal();
  const created = await createdOf(chosenBy("greedy"));
  await journal.append(0, [created]);
  const world = { journal, blobs, executor, clock };
  const ending = await runToEnd(begin(created), world, setting, async () => undefined);
  if (ending.status === "interrupted") throw new Error("Nobody interrupted this run.");
  const done: JournalRecord[] = [];
  for await (const record of journal.read(1)) if (record.type !== "finished") done.push(record);

  const ensembles: Partial<Record<Way, { error: number; members: number }>> = {};
  let best = Number.NaN;
  for (const way of WAYS) {
    const state = begin(await createdOf(chosenBy(way)));
    for (const record of done) fold(state, record);
    const { result } = await finish(state, blobs, "");
    const { ensemble } = result.search ?? {};
    ensembles[way] = {
      error: errorOf(ensemble?.test?.ensemble),
      members: ensemble?.members.length ?? 0,
    };
    best = errorOf(ensemble?.test?.best);
  }

  const fittedAnew = async (more: Partial<ExperimentInput>) => {
    const created = await createdOf({ ...input, ...more });
    const journal = memoryJournal();
    await journal.append(0, [created, ...done]);
    const state = begin(created);
    for (const record of done) fold(state, record);
    const ending = await runToEnd(state, { ...world, journal }, setting, async () => undefined);
    if (ending.status === "interrupted") throw new Error("Nobody interrupted this run.");
    return ending.report.result;
  };
  const refitted = errorOf((await fittedAnew({})).metrics.test);
  const many = await fittedAnew({ ensemble: { fromSearch: { choose: "greedy", refit: true } } });
  const anew = { error: errorOf(many.metrics.test), members: many.members.length };
  return { seed, best, refitted, anew, ensembles: ensembles as Row["ensembles"] };
}

type Kept = { readonly [N in Name]?: { readonly rows: readonly Row[] } };
const found: Record<string, object> = { ...kept<Kept>("search-ensemble") };
for (const name of names) {
  const before = (found[name] as { rows?: readonly Row[] } | undefined)?.rows ?? [];
  const rows = before.filter(({ seed }) => seed <= seeds);
  for (let seed = 1; seed <= seeds; seed++) {
    const at = rows.findIndex((row) => row.seed === seed);
    if (rows[at]?.anew) continue;
    const row = await rowOf(name, seed);
    if (at < 0) rows.push(row);
    else rows[at] = row;
    found[name] = summaryOf(name, rows);
    keep("search-ensemble", found, true);
  }
  found[name] = summaryOf(name, rows);
}
await executor.close();
keep("search-ensemble", found, true);
const lines = names.flatMap((name) => {
  const { error, best, refitted, anew, ways } = found[name] as ReturnType<typeof summaryOf>;
  return [
    `${name}: ${error}, best single trial ${best.toPrecision(4)}, fitted anew on all training rows ${refitted.toPrecision(4)}`,
    ...[...WAYS.map((way) => [way, ways[way]] as const), ["greedy, anew", anew] as const].map(
      ([way, { error: own, members, percent, wins, of, verdict }]) => {
        const range = `${percent.low.toFixed(2)} to ${percent.high.toFixed(2)}`;
        const than = way === "greedy, anew" ? "its setting's, trained anew too" : "it";
        return `  ${way.padEnd(16)} ${own.toPrecision(4)}  ${percent.mean.toFixed(2)} % (95 % ${range}) beside ${than}, better on ${wins} of ${of} seeds, ${members.toFixed(1)} members: ${verdict}`;
      },
    ),
  ];
});
console.log(lines.join("\n"));

/** Student's t at 97.5 % for so many seeds less one; beyond the table the normal's. */
function quantile(count: number): number {
  const T: Record<number, number> = {
    2: 12.706,
    3: 4.303,
    4: 3.182,
    5: 2.776,
    6: 2.571,
    10: 2.262,
    20: 2.093,
  };
  return T[count] ?? (count < 20 ? 2.447 : 2.093);
}

/** Errors of ensembles beside those of one network each, over seeds. */
function comparisonOf(pairs: readonly (readonly [own: number, one: number, members: number])[]) {
  const changes = pairs.map(([own, one]) => 100 * (own / one - 1));
  const percent =
    pairs.length > 1
      ? meanInterval(changes, quantile(pairs.length))
      : { mean: changes[0] ?? 0, low: -Infinity, high: Infinity, standardError: Infinity };
  return {
    error: mean(pairs.map(([own]) => own)),
    members: mean(pairs.map(([, , members]) => members)),
    percent,
    wins: changes.filter((change) => change < 0).length,
    of: pairs.length,
    verdict: percent.high < 0 ? "wins" : percent.low > 0 ? "loses" : "no difference",
  };
}

function summaryOf(name: Name, rows: readonly Row[]) {
  const ways = Object.fromEntries(
    WAYS.map((way) => {
      const pairs = rows.map(({ best, ensembles }) => {
        const { error, members } = ensembles[way];
        return [error, best, members] as const;
      });
      return [way, comparisonOf(pairs)];
    }),
  ) as Record<Way, ReturnType<typeof comparisonOf>>;
  return {
    error: SETS[name].data.task === "classification" ? "Brier score" : "RMSE",
    best: mean(rows.map(({ best }) => best)),
    refitted: mean(rows.map(({ refitted }) => refitted)),
    ways,
    anew: comparisonOf(
      rows.flatMap(({ anew, refitted }) =>
        anew ? [[anew.error, refitted, anew.members]] : [],
      ) as [number, number, number][],
    ),
    rows,
  };
}
