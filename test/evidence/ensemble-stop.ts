// Where `ensemble.stop` ends a growing bag, against the number of members that a bag of 128 shows to be
// enough: nets on digits and on Friedman #1, each over seeds 1 to 20. Rows that are kept are not run
// again; --seeds N runs fewer, --fresh runs all.
import { parseArgs } from "node:util";
import { rawTable } from "@manyfold/data";
import type { RawTable } from "@manyfold/data";
import { membersEnough } from "@manyfold/ensemble";
import type { ExperimentInput } from "@manyfold/protocol";
import { Experiment, hashJson } from "@manyfold/protocol";
import { readCsv } from "@manyfold/files";
import { keep, kept, openLaboratory } from "./experiments.ts";
import { friedmanRows } from "./friedman-rows.ts";

const MOST = 128;
const STEP = 8;
const WANTED = 0.9;
const TRAIN = 400;
const TEST = 2000;

interface Row {
  readonly data: string;
  readonly seed: number;
  /** Members at which the growing bag ended, and whether it was for being enough. */
  readonly stopped: number;
  readonly enough: boolean;
  /** Members enough by the bag of 128: by its out-of-bag rows, and by its test rows. */
  readonly shown: number;
  readonly shownByTest: number;
  readonly ledger: string;
}

interface Subject {
  readonly tolerance: number;
  readonly experiment: ExperimentInput;
  readonly table: (seed: number, data: Experiment["data"]) => Promise<RawTable>;
}

const train = { epochs: 10, batch: 64, optimizer: { adam: { lr: 0.005 } } };
const SUBJECTS: Readonly<Record<string, Subject>> = {
  digits: {
    tolerance: 0.02,
    experiment: {
      version: 1,
      name: "digits",
      data: {
        source: "configs/data/digits.csv",
        target: "digit",
        task: "classification",
        split: { test: 0.25, stratify: true },
      },
      model: { layers: [{ dense: { units: 32, activation: "relu" } }] },
      train,
    },
    table: (_, data) => readCsv(data.source, data),
  },
  friedman: {
    tolerance: 0.02,
    experiment: {
      version: 1,
      name: "friedman",
      data: {
        source: "friedman.csv",
        target: "y",
        task: "regression",
        split: { test: TEST / (TRAIN + TEST) },
      },
      model: { layers: [{ dense: { units: 16, activation: "tanh" } }] },
      train: { ...train, epochs: 30, batch: 20 },
    },
    table: async (seed, data) => {
      const { header, rows } = friedmanRows(seed, TRAIN + TEST);
      const lines = rows.map((_, row) => row + 2);
      return rawTable({ source: "friedman", hash: hashJson(rows), header, rows, lines }, data);
    },
  },
};

const { values } = parseArgs({
  options: { seeds: { type: "string" }, fresh: { type: "boolean" } },
});
const seeds = Number(values.seeds ?? 20);
const before = values.fresh ? undefined : kept<{ rows: readonly Row[] }>("ensemble-stop");
const rows: Row[] = [];
const laboratory = openLaboratory();

async function measured(name: string, subject: Subject, seed: number): Promise<Row> {
  const input = { ...subject.experiment, seed };
  const table = await subject.table(seed, Experiment.parse(input).data);
  const bag = async (tolerance: number) => {
    const stop = { tolerance, step: STEP };
    const ensemble = { bagging: { members: MOST }, stop };
    const { result } = (await laboratory.run({ ...input, ensemble }, table)).report;
    const last = result.growth?.looks.at(-1);
    if (!result.analysis || !last?.estimate) throw new Error("The bag has no analysis.");
    return { ...result, last, oob: last.estimate, analysis: result.analysis };
  };
  const growing = await bag(subject.tolerance);
  // A tolerance that nothing meets: the whole bag, which is looked at all the same.
  const whole = await bag(1e-9);
  const enough = (v: number, c: number) => membersEnough(v, c, subject.tolerance) ?? Number.NaN;
  return {
    data: name,
    seed,
    stopped: growing.analysis.k,
    enough: growing.last.enough,
    shown: enough(whole.oob.v, whole.oob.c),
    shownByTest: enough(whole.analysis.v, whole.analysis.c ?? Number.NaN),
    ledger: growing.ledger,
  };
}

const within = (row: Row, k: number) => Math.abs(row.stopped - k) <= STEP;
const summary = () =>
  Object.fromEntries(
    Object.keys(SUBJECTS).map((name) => {
      const own = rows.filter(({ data }) => data === name);
      const good = own.filter((row) => within(row, row.shown)).length;
      const byTest = own.filter((row) => within(row, row.shownByTest)).length;
      const holds = good >= Math.ceil(WANTED * own.length) && own.length > 0;
      return [name, { seeds: own.length, withinOneStep: good, byTestRows: byTest, holds }];
    }),
  );

for (const [name, subject] of Object.entries(SUBJECTS)) {
  for (let seed = 1; seed <= seeds; seed++) {
    const known = before?.rows.find((row) => row.data === name && row.seed === seed);
    rows.push(known ?? (await measured(name, subject, seed)));
    if (known === undefined) {
      const { stopped, shown, shownByTest } = rows.at(-1)!;
      console.error(name, seed, "stopped", stopped, "shown", shown, "by test rows", shownByTest);
      keep(
        "ensemble-stop",
        { target: "18 of 20 within one step", step: STEP, summary: summary(), rows },
        true,
      );
    }
  }
}
await laboratory.close();
const found = summary();
keep("ensemble-stop", { target: "18 of 20 within one step", step: STEP, summary: found, rows });
if (Object.values(found).some(({ holds }) => !holds)) process.exitCode = 1;
