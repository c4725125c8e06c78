// The bag of configs/digits-bagging.yaml over seeds 1 to 5, against its own best member and against
// one net trained on all training rows.
import { readFileSync } from "node:fs";
import type { ExperimentInput } from "@manyfold/protocol";
import { ClassificationMetrics } from "@manyfold/protocol";
import { parse } from "yaml";
import { keep, mean, openLaboratory } from "./experiments.ts";

const config = parse(readFileSync("configs/digits-bagging.yaml", "utf8")) as ExperimentInput;
const input = { ...config, data: { ...config.data, source: "configs/data/digits.csv" } };
const { ensemble: _, ...alone } = input;
interface Row {
  seed: number;
  testAccuracy: number;
  oobAccuracy: number;
  brier: number;
  bestMemberBrier: number;
  oneNetBrier: number;
  oneNetAccuracy: number;
  ledger: string;
}

const laboratory = openLaboratory();
const rows: Row[] = [];
for (const seed of [1, 2, 3, 4, 5]) {
  const { result } = (await laboratory.run({ ...input, seed })).report;
  const single = (await laboratory.run({ ...alone, seed })).report.result;
  const test = ClassificationMetrics.parse(result.metrics.test);
  const oob = ClassificationMetrics.parse(result.metrics.oob);
  const one = ClassificationMetrics.parse(single.metrics.test);
  rows.push({
    seed,
    testAccuracy: test.accuracy,
    oobAccuracy: oob.accuracy,
    brier: test.brier,
    bestMemberBrier: Math.min(...(result.analysis?.members ?? []).map(({ error }) => error)),
    oneNetBrier: one.brier,
    oneNetAccuracy: one.accuracy,
    ledger: result.ledger,
  });
}
await laboratory.close();
const over = (name: Exclude<keyof Row, "seed" | "ledger">) => mean(rows.map((row) => row[name]));
const means = {
  testAccuracy: over("testAccuracy"),
  oobAccuracy: over("oobAccuracy"),
  brier: over("brier"),
  bestMemberBrier: over("bestMemberBrier"),
  oneNetBrier: over("oneNetBrier"),
  oneNetAccuracy: over("oneNetAccuracy"),
};
keep("digits-bagging", { rows, means });
