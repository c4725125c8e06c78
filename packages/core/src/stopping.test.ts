import { expect, test } from "vitest";
import { earlyStopping } from "./stopping.ts";

test("stops after patience epochs without a new best", () => {
  const verdict = earlyStopping({ patience: 2, minDelta: 0 });
  expect([3, 2, 2.5, 1, 1, 1].map(verdict)).toEqual([
    "best",
    "best",
    "wait",
    "best",
    "wait",
    "stop",
  ]);
});

test("a fall of minDelta or less does not count", () => {
  const verdict = earlyStopping({ patience: 3, minDelta: 0.5 });
  expect([2, 1.5, 1.25, 1.75].map(verdict)).toEqual(["best", "wait", "best", "wait"]);
});
