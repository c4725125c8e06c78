import { Contest, type ContestantName, type ContestRow } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { contestOf, type ContestOf } from "./contest.ts";

const hash = "a".repeat(64);
const row = (contestant: ContestantName, seed: number, error: number): ContestRow => ({
  contestant,
  seed,
  id: hash,
  k: contestant === "net" ? 1 : 4,
  networks: contestant === "net" ? 1 : 4,
  v: 2 * error,
  c: contestant === "net" ? null : error / 2,
  error,
  score: 0.9,
  nll: 0.1,
  calibration: 0.01,
  seconds: contestant === "net" ? 2 : 8,
  ledger: hash,
});

const about: ContestOf = {
  name: "x",
  task: "classification",
  unit: "Brier score, summed over classes",
  variant: "js",
  seeds: [1, 2, 3],
  labels: [
    ["net", "one net"],
    ["bag", "bag"],
  ],
};

const rows = [
  row("bag", 3, 0.3),
  row("net", 1, 0.2),
  row("net", 2, 0.3),
  row("net", 3, 0.4),
  row("bag", 1, 0.12),
  row("bag", 2, 0.21),
];

test("means over seeds, with Student's interval", () => {
  const contest = contestOf(about, rows);
  expect(Contest.parse(contest)).toEqual(contest);
  const [net, bag] = contest.contestants;
  // Mean 0.3, standard deviation 0.1, t of two degrees of freedom.
  const half = (4.302653 * 0.1) / Math.sqrt(3);
  expect(net?.error.mean).toBeCloseTo(0.3, 12);
  expect(net?.error.low).toBeCloseTo(0.3 - half, 6);
  expect(net?.error.high).toBeCloseTo(0.3 + half, 6);
  expect(net?.c).toBeNull();
  expect(bag?.c?.mean).toBeCloseTo(0.105, 12);
  expect(contest.rows.map(({ contestant, seed }) => `${contestant} ${seed}`)).toEqual([
    "net 1",
    "net 2",
    "net 3",
    "bag 1",
    "bag 2",
    "bag 3",
  ]);
});

test("differences are taken seed by seed", () => {
  const { differences, sentences } = contestOf(about, rows);
  expect(differences).toHaveLength(1);
  // 0.08, 0.09, 0.1: far apart from 0, though the errors' own intervals overlap.
  const half = (4.302653 * 0.01) / Math.sqrt(3);
  expect(differences[0]?.difference.mean).toBeCloseTo(0.09, 12);
  expect(differences[0]?.difference.low).toBeCloseTo(0.09 - half, 6);
  expect(sentences).toEqual([
    "The smallest error: bag, 0.21, for 4.0 times the core-seconds of one net.",
    "Bag against one net: errs by 0.09 (30 %) less (95 % interval over 3 seeds 0.0652 to 0.115).",
  ]);
});

test("what is worse is said so, and what is open too", () => {
  const worse = contestOf({ ...about, seeds: [1, 2] }, [
    row("net", 1, 0.2),
    row("net", 2, 0.2),
    row("bag", 1, 0.2),
    row("bag", 2, 0.22),
  ]);
  expect(worse.sentences[1]).toBe(
    "Bag against one net: errs by 0.01 (5.0 %) more (95 % interval over 2 seeds -0.117 to 0.137); these seeds do not tell the two apart.",
  );
});

test("one seed has no interval, a contestant that is not there is left out", () => {
  const contest = contestOf({ ...about, seeds: [1] }, [row("net", 1, 0.2)]);
  expect(contest.contestants.map(({ name }) => name)).toEqual(["net"]);
  expect(contest.contestants[0]?.error).toEqual({ mean: 0.2, low: null, high: null });
  expect(contest.differences).toEqual([]);
});
