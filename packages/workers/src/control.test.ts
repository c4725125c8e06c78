import { expect, test } from "vitest";
import {
  cancelRequested,
  createControl,
  hasStarted,
  markStarted,
  openControl,
  readPoint,
  requestCancel,
  writePoint,
} from "./control.ts";

test("both sides see what the other wrote", () => {
  const watcher = createControl();
  const task = openControl(watcher.words.buffer);
  expect(hasStarted(watcher)).toBe(false);
  markStarted(task);
  expect(hasStarted(watcher)).toBe(true);
  expect(cancelRequested(task)).toBe(false);
  requestCancel(watcher);
  expect(cancelRequested(task)).toBe(true);
  expect(readPoint(watcher)).toBeUndefined();
  writePoint(task, { epoch: 1, train: 0.5 });
  expect(readPoint(watcher)).toEqual({ epoch: 1, train: 0.5 });
  writePoint(task, { epoch: 2, train: 0.25, held: 0.75 });
  expect(readPoint(watcher)).toEqual({ epoch: 2, train: 0.25, held: 0.75 });
});

test("a point that is being written is not read", () => {
  const control = createControl();
  writePoint(control, { epoch: 1, train: 0.5 });
  Atomics.add(control.words, 2, 1);
  expect(readPoint(control)).toBeUndefined();
});
