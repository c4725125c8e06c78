import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Contest, type ExperimentInput } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { dropout, writeExperiment } from "./experiments.ts";
import { temporaryFolder } from "./folder.ts";
import { manyfold } from "./program.ts";

const folder = temporaryFolder();
const small: ExperimentInput = {
  ...dropout,
  name: "small",
  train: { ...dropout.train, epochs: 2 },
};
const config = writeExperiment(folder, small);
const out = join(folder, "compare-small");

/** A comparison's document, without what is measured by a clock. */
async function compared(args: readonly string[]) {
  const outcome = await manyfold(["compare", config, "--out", folder, "--json", ...args]);
  expect({ code: outcome.code, stderr: outcome.stderr }).toEqual({ code: 0, stderr: "" });
  const { status, page, ...rest } = JSON.parse(outcome.stdout) as { status: string; page: string };
  expect({ status, page }).toEqual({ status: "done", page: join(out, "contest.html") });
  const contest = Contest.parse(rest);
  const timeless = contest.rows.map((row) => ({ ...row, seconds: 0 }));
  return { contest, timeless };
}

test("six ways over seeds, the same on any executor; what is done is not done again", async () => {
  const first = await compared(["--seeds", "2", "--members", "3", "--executor", "inline"]);
  expect(first.contest.rows).toHaveLength(12);
  expect(first.contest.contestants.map(({ k, networks }) => [k, networks])).toEqual([
    [1, 1],
    [1, 1],
    [3, 1],
    [3, 3],
    [3, 3],
    [3, 3],
  ]);
  // The dropout net and its thinned nets are one training.
  const byWay = (name: string) => first.contest.rows.find(({ contestant }) => contestant === name);
  expect(byWay("masks")?.ledger).toBe(byWay("dropout")?.ledger);
  expect(existsSync(join(out, "contest.html"))).toBe(true);
  expect(Contest.parse(JSON.parse(readFileSync(join(out, "contest.json"), "utf8")))).toEqual(
    first.contest,
  );

  // One seed more: of the others even the seconds are what they were.
  const more = await compared(["--seeds", "3", "--members", "3"]);
  for (const row of first.contest.rows) expect(more.contest.rows).toContainEqual(row);
  expect(more.contest.rows).toHaveLength(18);

  rmSync(out, { recursive: true });
  const threads = await compared(["--seeds", "3", "--members", "3", "--workers", "2"]);
  expect(threads.timeless).toEqual(more.timeless);
}, 60_000);
