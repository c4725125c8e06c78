// The published UCI table (Hernandez-Lobato and Adams 2015; Gal and Ghahramani 2016; Lakshminarayanan 2017): one hidden layer of 50, RMSE
// and log-likelihood in original units over the 20 published splits. What is done is kept, so that a
// run which was stopped goes on; SPLITS=2, SETS=yacht and METHODS=mc-dropout shorten it, FRESH=1 begins
// again.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { meanInterval } from "./experiments.ts";
import { readSet, type SetName, SETS, type UciSet } from "./uci/data.ts";
import { deepEnsemble } from "./uci/deep.ts";
import { mcDropout } from "./uci/dropout.ts";

interface Score {
  readonly rmse: number;
  readonly logLikelihood: number;
}

/** A published figure; deep ensembles are published here without their standard errors. */
interface Published {
  readonly rmse: number;
  readonly rmseError: number;
  readonly logLikelihood: number;
  readonly logLikelihoodError: number;
}

const published = (rmse: number, rmseError: number, ll: number, llError: number): Published => ({
  rmse,
  rmseError,
  logLikelihood: ll,
  logLikelihoodError: llError,
});

interface Method {
  readonly run: (set: UciSet, split: number) => Score;
  /** Standard errors, the published one and ours combined, that a figure may be worse by. */
  readonly slack: number;
  readonly published: { readonly [S in SetName]: Published };
}

const METHODS: Readonly<Record<string, Method>> = {
  "mc-dropout": {
    run: mcDropout,
    slack: 2,
    published: {
      concrete: published(4.83, 0.16, -2.94, 0.03),
      energy: published(0.54, 0.01, -1.21, 0.01),
      yacht: published(0.67, 0.05, -1.25, 0.02),
    },
  },
  "deep-ensemble": {
    run: deepEnsemble,
    slack: 0,
    published: {
      concrete: published(6.03, 0, -3.06, 0),
      energy: published(2.09, 0, -1.38, 0),
      yacht: published(1.58, 0, -1.18, 0),
    },
  },
};

const folder = process.env["UCI_DATA"] ?? "data/uci";
const placeOf = (method: string) => new URL(`results/uci-${method}.json`, import.meta.url);
const splits = Number(process.env["SPLITS"] ?? 20);
const only = process.env["SETS"]?.split(",");
const methods = process.env["METHODS"]?.split(",") ?? Object.keys(METHODS);
const T19 = 2.093024;

interface Row extends Score {
  readonly method: string;
  readonly set: string;
  readonly split: number;
}

function knownRows(method: string): Row[] {
  const place = placeOf(method);
  if (!existsSync(place) || process.env["FRESH"] !== undefined) return [];
  return (JSON.parse(readFileSync(place, "utf8")) as { rows: Row[] }).rows;
}

const rows: Row[] = methods.flatMap(knownRows);

/** Mean over splits of one figure against the published one. */
function figureOf(values: readonly number[], target: number, error: number, slack: number) {
  const own = meanInterval(values, T19);
  return { ...own, published: target, allowed: slack * Math.hypot(own.standardError, error) };
}

function tableOf() {
  return Object.entries(METHODS).flatMap(([name, { slack, published: figures }]) =>
    (Object.keys(SETS) as SetName[]).flatMap((set) => {
      const own = rows.filter((row) => row.method === name && row.set === set);
      if (own.length < 2) return [];
      const target = figures[set];
      const rmse = figureOf(
        own.map((row) => row.rmse),
        target.rmse,
        target.rmseError,
        slack,
      );
      const logLikelihood = figureOf(
        own.map((row) => row.logLikelihood),
        target.logLikelihood,
        target.logLikelihoodError,
        slack,
      );
      const holds =
        own.length === 20 &&
        rmse.mean <= rmse.published + rmse.allowed &&
        logLikelihood.mean >= logLikelihood.published - logLikelihood.allowed;
      return [{ method: name, set, splits: own.length, rmse, logLikelihood, holds }];
    }),
  );
}

function keepRows() {
  const order = (row: Row) => `${row.set} ${String(row.split).padStart(2, "0")}`;
  for (const method of methods) {
    const own = rows.filter((row) => row.method === method);
    if (own.length === 0) continue;
    own.sort((a, b) => (order(a) < order(b) ? -1 : 1));
    const table = tableOf().filter((line) => line.method === method);
    writeFileSync(placeOf(method), `${JSON.stringify({ table, rows: own }, null, 2)}\n`);
  }
}

for (let split = 0; split < splits; split++) {
  for (const name of Object.keys(SETS) as SetName[]) {
    if (only !== undefined && !only.includes(name)) continue;
    const set = await readSet(folder, name);
    for (const [method, { run }] of Object.entries(METHODS)) {
      if (!methods.includes(method)) continue;
      const done = rows.some(
        (row) => row.method === method && row.set === name && row.split === split,
      );
      if (done) continue;
      const row: Row = { method, set: name, split, ...run(set, split) };
      rows.push(row);
      keepRows();
      console.error(JSON.stringify(row));
    }
  }
}

keepRows();
for (const { method, set, splits: count, rmse, logLikelihood, holds } of tableOf()) {
  const show = (own: typeof rmse) =>
    `${own.mean.toFixed(3)} +- ${own.standardError.toFixed(3)} (published ${own.published})`;
  console.log(
    `${method} ${set}: RMSE ${show(rmse)}, log-likelihood ${show(logLikelihood)}, ${count} splits: ${holds ? "holds" : count < 20 ? "not all splits" : "fails"}`,
  );
}
if (tableOf().some(({ splits: count, holds }) => count === 20 && !holds)) process.exitCode = 1;
