import fc from "fast-check";
import { expect, test } from "vitest";
import { compareKeys, FINAL, taskId, TaskSpec, TrainTask, type TaskKey } from "./index.ts";

const key = (trial: number, fold = 0, repeat = 0, rung = 0, unit = 0): TaskKey => ({
  trial,
  fold,
  repeat,
  rung,
  unit,
});

test("results are ordered by trial, fold, repeat, rung, unit, the final fit last", () => {
  const ordered = [
    key(0),
    key(0, 0, 0, 0, 1),
    key(0, 0, 0, 1, 0),
    key(0, 0, 1),
    key(0, 1),
    key(9),
    key(1_000_000),
    key(FINAL),
    key(FINAL, 0, 0, 0, 3),
  ];
  fc.assert(
    fc.property(fc.shuffledSubarray(ordered, { minLength: ordered.length }), (shuffled) => {
      expect(shuffled.toSorted(compareKeys)).toEqual(ordered);
    }),
  );
});

const spec = TrainTask.parse({
  version: 1,
  kind: "train",
  variant: "js",
  data: { hash: "0".repeat(64), bytes: 1, rows: 1, inputs: 1, targets: 1, classes: 0 },
  model: { layers: [{ dense: { units: 3 } }] },
  train: {},
  draw: { sample: "bootstrap" },
  seed: 1,
  fold: 0,
  repeat: 0,
  member: 4,
  report: ["oob"],
});

test("a task's id follows from everything in its spec and from nothing else", () => {
  const reread = TaskSpec.parse(JSON.parse(JSON.stringify(spec)));
  expect(taskId(reread)).toBe(taskId(spec));
  const others: TrainTask[] = [
    { ...spec, seed: 2 },
    { ...spec, member: 5 },
    { ...spec, fold: 1 },
    { ...spec, variant: "wasm-plain" },
    { ...spec, report: [] },
    { ...spec, draw: { ...spec.draw, features: 0.5 } },
    { ...spec, train: { ...spec.train, epochs: 31 } },
  ];
  expect(new Set([spec, ...others].map(taskId)).size).toBe(others.length + 1);
});
