// The law as a forecast on Friedman #1 (Friedman 1991; Breiman 1996): the error of 32 bagged nets
// from the first 4 of them, over 50 draws of 200 training and 2,000 test rows.
import { rawTable } from "@manyfold/data";
import type { Members, Truth } from "@manyfold/ensemble";
import { firstMembers, forecastError, lawError } from "@manyfold/ensemble";
import type { ExperimentInput } from "@manyfold/protocol";
import { Experiment, hashJson } from "@manyfold/protocol";
import { keep, mean, meanInterval, openLaboratory } from "./experiments.ts";
import { friedmanRows } from "./friedman-rows.ts";

const SEEDS = 50;
const TRAIN = 200;
const TEST = 2000;
const FROM = 4;
const K = 32;
/** 97.5 % quantile of Student's t with 49 degrees of freedom. */
const T49 = 2.009575;

const experiment: ExperimentInput = {
  version: 1,
  name: "friedman",
  data: {
    source: "friedman.csv",
    target: "y",
    task: "regression",
    split: { test: TEST / (TRAIN + TEST) },
  },
  model: { layers: [{ dense: { units: 16, activation: "tanh" } }] },
  train: { epochs: 60, batch: 20, optimizer: { adam: { lr: 0.01 } } },
  ensemble: { bagging: { members: K } },
};

const laboratory = openLaboratory();
const rows = [];
for (let seed = 1; seed <= SEEDS; seed++) {
  const { header, rows: cells } = friedmanRows(seed, TRAIN + TEST);
  const lines = cells.map((_, row) => row + 2);
  const table = { source: "friedman", hash: hashJson(cells), header, rows: cells, lines };
  const input = { ...experiment, seed };
  const { data } = Experiment.parse(input);
  const { report, predictions } = await laboratory.run(input, rawTable(table, data));
  const { analysis } = report.result;
  if (!analysis || !predictions) throw new Error("The bag has no analysis.");
  const { members, truth } = parsed(predictions.header, [...predictions.rows()]);
  const forecast = forecastError(firstMembers(members, FROM), truth, K);
  const at = (k: number) => analysis.curve[k - 1]?.measured ?? Number.NaN;
  rows.push({
    seed,
    e4: at(FROM),
    e32: at(K),
    forecast: forecast.error,
    low: forecast.interval?.low ?? Number.NaN,
    high: forecast.interval?.high ?? Number.NaN,
    wrongLaw: lawError(forecast.v, forecast.v / 2, K),
    identityGap: analysis.identityGap,
    tolerance: 1e-12 * Math.max(1, analysis.v),
  });
}
await laboratory.close();

function parsed(header: readonly string[], lines: readonly (readonly string[])[]) {
  const column = (name: string) =>
    Float64Array.from(lines, (cells) => Number(cells[header.indexOf(name)]));
  const members: Members = {
    task: "regression",
    rows: lines.length,
    outputs: 1,
    members: header
      .filter((name) => name.startsWith("member_"))
      .map((name, member) => ({ member, values: column(name) })),
  };
  const truth: Truth = {
    task: "regression",
    rows: lines.length,
    targets: 1,
    values: column("target"),
    scale: [1],
  };
  return { members, truth };
}

const inside = ({ low, high }: { low: number; high: number }, value: number) =>
  low <= value && value <= high;
const signed = meanInterval(
  rows.map(({ forecast, e32 }) => forecast - e32),
  T49,
);
const noChange = meanInterval(
  rows.map(({ e4, e32 }) => e4 - e32),
  T49,
);
const wrong = meanInterval(
  rows.map(({ wrongLaw, e32 }) => wrongLaw - e32),
  T49,
);
const covered = rows.filter((row) => inside(row, row.e32)).length;
const verdicts = {
  unbiased: inside(signed, 0),
  noChangeIsWrong: Math.abs(noChange.mean) > 3 * noChange.standardError,
  coverage: covered >= 45,
  wrongLawFails: !inside(wrong, 0),
  identity: rows.every(({ identityGap, tolerance }) => Math.abs(identityGap) <= tolerance),
};
keep("friedman", {
  verdicts,
  signedError: signed,
  noChangeError: noChange,
  wrongLawError: wrong,
  covered,
  seeds: SEEDS,
  widthOverGain: mean(rows.map(({ low, high }) => high - low)) / noChange.mean,
  rows,
});
if (Object.values(verdicts).includes(false)) process.exitCode = 1;
