import { begin, runToEnd } from "@manyfold/coordinator";
import { prepare } from "@manyfold/data";
import { memoryBlobs, memoryJournal, readCsv } from "@manyfold/files";
import { Experiment, ReportDocument, type Clock, type Timers } from "@manyfold/protocol";
import { inlineExecutor } from "@manyfold/workers";
import { expect, test } from "vitest";

const clock: Clock = { now: () => 0, monotonic: () => 0 };
const timers: Timers = {
  sleep: () => new Promise((resolve) => setImmediate(resolve)),
  every: () => () => undefined,
};

test("a run trains its members on parts of the rows too, and says what more rows bring", async () => {
  const experiment = Experiment.parse({
    version: 1,
    name: "curve",
    data: {
      source: "configs/data/diabetes.csv",
      target: "progression",
      task: "regression",
      split: { test: 0.25 },
    },
    model: { layers: [{ dense: { units: 4 } }] },
    train: { epochs: 4, optimizer: { adam: { lr: 0.02 } } },
    ensemble: {
      bagging: { members: 4 },
      conformal: { score: "quantile" },
      learningCurve: { shares: [0.25, 0.5], subsets: 2, members: 3 },
    },
  });
  const blobs = memoryBlobs();
  const raw = await readCsv(experiment.data.source, experiment.data);
  const { data, tables } = prepare(raw, experiment);
  for (const bytes of tables) await blobs.put(bytes);
  const created = {
    type: "created" as const,
    version: 1 as const,
    run: "curve",
    experiment,
    variant: "wasm-plain" as const,
    data,
    time: 0,
    manyfold: "test",
  };
  const journal = memoryJournal();
  await journal.append(0, [created]);
  const executor = inlineExecutor({ blobs, clock, timers });
  const setting = { executor: "inline", host: "here", node: "", manyfold: "" };
  const world = { journal, blobs, executor, clock };
  const ending = await runToEnd(begin(created), world, setting, async () => undefined);
  await executor.close();
  if (ending.status === "interrupted") throw new Error("Nobody interrupted this run.");

  expect(ending.tasks).toEqual({ total: 4 + 2 * 2 * 3, completed: 16, failed: 0 });
  const { result } = ReportDocument.parse(ending.report);
  const curve = result.learningCurve;
  const whole = result.data.rows.train;
  expect(curve?.points.map(({ rows, subsets }) => [rows, subsets])).toEqual([
    [Math.round(whole / 4), 2],
    [Math.round(whole / 2), 2],
    [whole, 1],
  ]);
  for (const { v, c, error } of curve?.points ?? []) {
    expect(error).toBeCloseTo(v / 3 + (2 / 3) * (c ?? Number.NaN), 8);
  }
  // The last point is the bag's own first members.
  expect(curve?.points.at(-1)?.error).toBeCloseTo(result.analysis?.curve[2]?.measured ?? 0, 8);
  const [split, ...others] = result.observatory?.conformal ?? [];
  expect(split).toMatchObject({ method: "split", score: "quantile" });
  expect(others.map(({ score, method }) => score ?? method)).toEqual([
    "absolute",
    "normalised",
    "jackknife+ab",
  ]);
});
