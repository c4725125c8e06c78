// The bag of configs/diabetes-bagging.yaml against one net trained on all training rows, over ten
// splits: the seed draws the split.
import { readFileSync } from "node:fs";
import type { ExperimentInput } from "@manyfold/protocol";
import { RegressionMetrics } from "@manyfold/protocol";
import { parse } from "yaml";
import { keep, mean, meanInterval, openLaboratory } from "./experiments.ts";

/** 97.5 % quantile of Student's t with 9 degrees of freedom. */
const T9 = 2.262157;

const config = parse(readFileSync("configs/diabetes-bagging.yaml", "utf8")) as ExperimentInput;
const input = { ...config, data: { ...config.data, source: "configs/data/diabetes.csv" } };
const { ensemble: _, ...alone } = input;
const laboratory = openLaboratory();
const rows = [];
for (let seed = 1; seed <= 10; seed++) {
  const bag = (await laboratory.run({ ...input, seed })).report.result;
  const one = (await laboratory.run({ ...alone, seed })).report.result;
  const rmse = RegressionMetrics.parse(bag.metrics.test).rmse;
  const oneNet = RegressionMetrics.parse(one.metrics.test).rmse;
  rows.push({ seed, rmse, oneNet, difference: rmse - oneNet });
}
await laboratory.close();
keep("diabetes-bagging", {
  rows,
  rmse: mean(rows.map(({ rmse }) => rmse)),
  oneNet: mean(rows.map(({ oneNet }) => oneNet)),
  difference: meanInterval(
    rows.map(({ difference }) => difference),
    T9,
  ),
});
