import { memoryJournal } from "@manyfold/files";
import { expect, test } from "vitest";
import { profileTable, startProfiler } from "./profile.ts";

test("shares are of all slots together and sum to 1; the journal is beside them", async () => {
  let time = 0;
  const clock = { now: () => time, monotonic: () => time };
  const profiler = startProfiler(clock);
  const milliseconds = {
    gemm: 4000,
    elementwise: 500,
    loss: 250,
    optimizer: 750,
    gather: 250,
    rest: 250,
  };
  profiler.task({ milliseconds, operations: 80e9 }, 7);
  const inner = memoryJournal();
  const journal = profiler.journal({
    ...inner,
    append: (...given) => ((time += 500), inner.append(...given)),
  });
  expect(await journal.append(0, [])).toBe(0);
  time = 5000;
  const profile = profiler.end(2, "js");
  expect(profile).toEqual({
    seconds: {
      gemm: 4,
      elementwise: 0.5,
      loss: 0.25,
      optimizer: 0.75,
      gather: 0.25,
      rest: 1.25,
      waiting: 3,
    },
    shares: {
      gemm: 0.4,
      elementwise: 0.05,
      loss: 0.025,
      optimizer: 0.075,
      gather: 0.025,
      rest: 0.125,
      waiting: 0.3,
    },
    journal: { seconds: 0.5, share: 0.1 },
    gigaflops: 20,
    peak: null,
  });
  const lines = profileTable({ ...profile, peak: 50 }).split("\n");
  expect(lines).toContainEqual(
    expect.stringMatching(/^ {2}gemm +40\.0 % +4\.00 s {3}products of matrices/),
  );
  expect(lines).toContainEqual(
    expect.stringMatching(/^ {2}journal +10\.0 % +0\.50 s {3}of the session/),
  );
  expect(lines.at(-1)).toBe(
    "Products ran at 20.0 GFLOP/s a slot, 40 % of the 50.0 measured as this engine's peak.",
  );
});
