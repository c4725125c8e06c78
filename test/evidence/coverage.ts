/**
 * Whether what is said to hold the truth does: conformal intervals and sets over random splits of
 * diabetes, concrete and digits, and the observatory's intervals in simulation.
 *
 *     npm run evidence -- coverage [--splits 100] [--draws 1000] [--only diabetes,digits] [--fresh]
 *
 * What is done is kept, so that a run which was stopped goes on. UCI_DATA names the folder of
 * concrete.csv, which is not part of this repository.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { ExperimentInput } from "@manyfold/protocol";
import { simulations } from "./simulated/intervals.ts";
import { mean, openLaboratory } from "./experiments.ts";

const { values } = parseArgs({
  options: {
    splits: { type: "string", default: "100" },
    draws: { type: "string", default: "1000" },
    only: { type: "string" },
    fresh: { type: "boolean", default: false },
  },
});
const only = values.only?.split(",");
const splits = Number(values.splits);
const draws = Number(values.draws);
const wanted = (name: string) => only === undefined || only.includes(name);

const dense = (units: number) => [{ dense: { units, activation: "relu" as const } }];
const base = { version: 1 as const };

/** What is run over the splits; the seed draws the split and everything else. */
const SETS: Readonly<Record<string, { input: ExperimentInput; coverage: number }>> = {
  diabetes: {
    coverage: 0.9,
    input: {
      ...base,
      name: "diabetes",
      data: {
        source: "configs/data/diabetes.csv",
        target: "progression",
        task: "regression",
        split: { test: 0.25 },
      },
      model: { layers: dense(16) },
      train: { epochs: 40, batch: 32, optimizer: { adam: { lr: 0.01 } } },
      ensemble: { bagging: { members: 20 }, conformal: { coverage: 0.9 } },
    },
  },
  concrete: {
    coverage: 0.9,
    input: {
      ...base,
      name: "concrete",
      data: {
        source: join(process.env["UCI_DATA"] ?? "data/uci", "concrete.csv"),
        target: "strength",
        task: "regression",
        split: { test: 0.25 },
      },
      model: { layers: dense(32) },
      train: { epochs: 60, batch: 32, optimizer: { adam: { lr: 0.01 } } },
      ensemble: { bagging: { members: 20 }, conformal: { coverage: 0.9 } },
    },
  },
  digits: {
    coverage: 0.99,
    input: {
      ...base,
      name: "digits",
      data: {
        source: "configs/data/digits.csv",
        target: "digit",
        task: "classification",
        split: { test: 0.25, stratify: true },
      },
      model: { layers: dense(64) },
      train: { epochs: 15, batch: 64, optimizer: { adam: { lr: 0.002 } } },
      ensemble: { bagging: { members: 16 }, conformal: { coverage: 0.99 } },
    },
  },
};

/** One way to make intervals or sets, on one split. */
interface Row {
  readonly set: string;
  readonly seed: number;
  readonly method: string;
  readonly achieved: number;
  readonly size: number;
  readonly on: number;
}

interface Kept {
  rows: Row[];
  simulations: ReturnType<typeof simulations>;
  table?: unknown;
}

const place = new URL("results/coverage.json", import.meta.url);
const kept: Kept =
  existsSync(place) && !values.fresh
    ? (JSON.parse(readFileSync(place, "utf8")) as Kept)
    : { rows: [], simulations: [] };

/** Mean coverage over splits against what is asked of the method. */
function tableOf() {
  return Object.entries(SETS).flatMap(([set, { coverage }]) => {
    const methods = new Set(kept.rows.filter((row) => row.set === set).map(({ method }) => method));
    return [...methods].map((method) => {
      const own = kept.rows.filter((row) => row.set === set && row.method === method);
      const achieved = mean(own.map((row) => row.achieved));
      const size = mean(own.map((row) => row.size));
      const spread = mean(own.map((row) => (row.achieved - achieved) ** 2));
      const standardError = Math.sqrt(spread / Math.max(1, own.length - 1));
      // Jackknife+ and sets may err to the wide side; what a split promises is the rate itself.
      const oneSided = method === "jackknife+ab" || set === "digits";
      const least = set === "digits" ? 0.98 : coverage - 0.02;
      const most = oneSided ? 1 : coverage + 0.02;
      const holds = own.length >= 100 && least <= achieved && achieved <= most;
      const splitsDone = own.length;
      return {
        set,
        method,
        splits: splitsDone,
        coverage,
        achieved,
        standardError,
        least,
        most,
        size,
        holds,
      };
    });
  });
}

function keep() {
  const table = tableOf();
  writeFileSync(
    place,
    `${JSON.stringify({ table, simulations: kept.simulations, rows: kept.rows }, null, 1)}\n`,
  );
}

const laboratory = openLaboratory();
for (let seed = 1; seed <= splits; seed++) {
  for (const [set, { input }] of Object.entries(SETS)) {
    if (!wanted(set) || kept.rows.some((row) => row.set === set && row.seed === seed)) continue;
    const { report } = await laboratory.run({ ...input, seed });
    const scores = report.result.observatory?.conformal ?? [];
    for (const { method, score, achieved, size, on } of scores) {
      const name = method === "split" ? `split ${score}` : method;
      kept.rows.push({ set, seed, method: name, achieved, size, on });
    }
    keep();
  }
}
await laboratory.close();
if (wanted("simulation")) kept.simulations = simulations(draws);
keep();

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
for (const row of tableOf()) {
  console.log(
    `${row.set} ${row.method}: ${percent(row.achieved)} +- ${percent(row.standardError)} (asked ${percent(row.coverage)}, wanted ${percent(row.least)} to ${percent(row.most)}), mean size ${row.size.toFixed(3)}, ${row.splits} splits: ${row.holds ? "holds" : row.splits < 100 ? "not all splits" : "FAILS"}`,
  );
}
for (const row of kept.simulations) {
  console.log(
    `simulation ${row.world}, ${row.figure}, about ${row.about}: ${percent(row.covered)} of ${row.draws} draws (stated ${percent(row.level)}, within 3 points): ${row.holds ? "holds" : "FAILS"}`,
  );
}
const failed =
  tableOf().some(({ splits: done, holds }) => done >= 100 && !holds) ||
  kept.simulations.some(({ holds }) => !holds);
if (failed) process.exitCode = 1;
