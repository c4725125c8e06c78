import { prepare, rawTable } from "@manyfold/data";
import type { ExperimentInput, JournalRecord, TaskResult } from "@manyfold/protocol";
import { compareKeys, Experiment, FINAL, hashJson, taskId } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { isWeighingDue } from "./enough.ts";
import { ledgerOf } from "./ledger.ts";
import { allTasks, finalTasks, plan, waitingTasks, type Wanted } from "./plan.ts";
import type { RunState } from "./state.ts";
import { begin, fold } from "./state.ts";

const LABELS = ["a", "b", "c"];

function created(extra: Partial<ExperimentInput>): JournalRecord {
  const experiment = Experiment.parse({
    version: 1,
    name: "plan",
    seed: 3,
    data: {
      source: "rows.csv",
      target: "y",
      task: "classification",
      split: { test: 0.25, stratify: true },
    },
    model: { layers: [{ dense: { units: 4, activation: "tanh" } }] },
    train: { epochs: 2 },
    ...extra,
  });
  const rows = Array.from({ length: 24 }, (_, row) => [String(row), LABELS[row % 3] ?? ""]);
  const lines = rows.map((_, row) => row + 2);
  const cells = { source: "rows.csv", hash: hashJson(rows), header: ["x", "y"], rows, lines };
  const { data } = prepare(rawTable(cells, experiment.data), experiment);
  return {
    type: "created",
    version: 1,
    run: "run",
    experiment,
    variant: "js",
    data,
    time: 0,
    manyfold: "test",
  };
}

const bag = (members: number): Partial<ExperimentInput> => ({ ensemble: { bagging: { members } } });

const search: Partial<ExperimentInput> = {
  search: {
    trials: 3,
    space: { "train.optimizer.adam.lr": { float: [0.001, 0.1], scale: "log" } },
    assess: { folds: { k: 2 } },
  },
};

const result = (task: string): TaskResult => ({
  weights: { hash: task, bytes: 4 },
  parameters: 1,
  predictions: {},
  curve: [],
  epoch: 1,
  stopped: false,
});

const completed = (task: string, worker = "w"): JournalRecord => ({
  type: "completed",
  task,
  attempt: 1,
  worker,
  result: result(task),
  seconds: 1,
  time: 1,
});

const assessed = (trial: number, value: number | null): JournalRecord => ({
  type: "assessed",
  trial,
  value,
  standardError: null,
  cells: [value],
  epoch: 1,
  time: 1,
});

const ids = (tasks: readonly { id: string }[]) => tasks.map(({ id }) => id);

function finishAll(state: RunState): RunState {
  for (const { id } of allTasks(state)) fold(state, completed(id));
  return state;
}

describe("the plan of a bag", () => {
  test("is its members in order, each task once, ids the hash of their specs", () => {
    const state = begin(created(bag(5)));
    const next = plan(state, new Set(), 100);
    expect(next.map(({ key }) => key.unit)).toEqual([0, 1, 2, 3, 4]);
    expect(new Set(ids(next)).size).toBe(5);
    for (const { id, spec, key } of next) {
      expect(id).toBe(taskId(spec));
      expect(key.trial).toBe(FINAL);
    }
  });

  test("leaves out what has ended, what is in flight, and what is over the limit", () => {
    const state = begin(created(bag(5)));
    const [a, b, c] = ids(plan(state, new Set(), 100));
    fold(state, completed(a ?? ""));
    expect(ids(plan(state, new Set([b ?? ""]), 1))).toEqual([c]);
  });

  test("asks again for a lost task, with its failures counted, until the verdict", () => {
    const state = begin(created(bag(1)));
    const lost = (): JournalRecord => ({
      type: "failed",
      task: ids(finalTasks(state))[0] ?? "",
      attempt: 1,
      worker: "w",
      failure: { code: "lost", message: "gone", permanent: false },
      seconds: 0,
      time: 1,
    });
    for (const open of [1, 1, 0]) {
      fold(state, lost());
      expect(plan(state, new Set(), 9)).toHaveLength(open);
    }
  });

  test("of a smaller bag is the beginning of that of a larger one, and growing keeps what is done", () => {
    const small = begin(created(bag(3)));
    const large = ids(finalTasks(begin(created(bag(6)))));
    expect(ids(finalTasks(small))).toEqual(large.slice(0, 3));
    finishAll(small);
    fold(small, { type: "grown", members: 6, time: 2 });
    expect(ids(plan(small, new Set(), 9))).toEqual(large.slice(3));
  });
});

test("a learning curve follows the bag: a group of members per share and subset", () => {
  const learningCurve = { shares: [0.5, 0.25], subsets: 2, members: 3 };
  const state = begin(created({ ensemble: { ...bag(5).ensemble, learningCurve } }));
  const tasks = plan(state, new Set(), 100);
  expect(tasks).toHaveLength(5 + 2 * 2 * 3);
  expect(tasks.map(({ key }) => key)).toEqual(tasks.map(({ key }) => key).sort(compareKeys));
  expect(new Set(ids(tasks)).size).toBe(tasks.length);
  const [first] = tasks.slice(5).map(({ spec }) => spec);
  expect(first).toMatchObject({
    member: 0,
    repeat: 0,
    draw: { within: { share: 0.25, subset: 0 } },
    report: ["test"],
  });
  // The bag is what it is without one.
  expect(ids(tasks).slice(0, 5)).toEqual(ids(finalTasks(begin(created(bag(5))))));
});

describe("the plan of snapshots", () => {
  const snapshots = () =>
    begin(
      created({
        train: { epochs: 6 },
        ensemble: { snapshots: { members: 3, networks: 2 } },
      }),
    );
  const checkpoint = { hash: "c".repeat(64), bytes: 8 };
  const paused = (task: string): JournalRecord => {
    const record = completed(task);
    return record.type === "completed"
      ? { ...record, result: { ...result(task), checkpoint } }
      : record;
  };

  test("is a part of each training at a time, from the checkpoint of the part before", () => {
    const state = snapshots();
    const first = plan(state, new Set(), 99);
    expect(first.map(({ key }) => key.unit)).toEqual([0, 3]);
    expect(first.map(({ spec }) => [spec.member, spec.part])).toEqual([
      [0, { until: 2 }],
      [1, { until: 2 }],
    ]);
    expect(waitingTasks(state)).toBe(4);
    fold(state, paused(ids(first)[1] ?? ""));
    const next = plan(state, new Set(ids(first)), 99);
    expect(next.map(({ key, spec }) => [key.unit, spec.member, spec.part])).toEqual([
      [4, 1, { until: 4, from: checkpoint }],
    ]);
    expect(ids(finalTasks(state))).toEqual([...ids(first), ...ids(next)]);
    for (let at = 0; at < 9; at++) {
      for (const { id } of plan(state, new Set(), 99)) fold(state, paused(id));
    }
    expect(finalTasks(state).map(({ key }) => key.unit)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(waitingTasks(state)).toBe(0);
    const [spec] = finalTasks(state).map((task) => task.spec);
    expect(spec?.kind === "train" && spec.train.schedule).toEqual({
      cosine: { to: 0, cycles: 3 },
    });
  });

  test("ends behind a part that failed", () => {
    const state = snapshots();
    fold(state, {
      type: "failed",
      task: ids(finalTasks(state))[0] ?? "",
      attempt: 1,
      worker: "w",
      failure: { code: "nan", message: "diverged", permanent: true },
      seconds: 0,
      time: 1,
    });
    expect(plan(state, new Set(), 99).map(({ key }) => key.unit)).toEqual([3]);
  });
});

describe("the plan of a bag that grows until it is enough", () => {
  const growing = (members: number) =>
    begin(created({ ensemble: { bagging: { members }, stop: { tolerance: 0.1, step: 4 } } }));
  const weighed = (members: number, enough: boolean): JournalRecord => ({
    type: "weighed",
    members,
    estimate: null,
    enough,
    time: 2,
  });

  test("is a step at a time, each behind a look that was not enough", () => {
    const state = growing(10);
    for (const count of [4, 8]) {
      expect(finalTasks(state)).toHaveLength(count);
      expect(isWeighingDue(state)).toBe(false);
      for (const { id } of finalTasks(state).slice(0, -1)) fold(state, completed(id));
      expect(isWeighingDue(state)).toBe(false);
      fold(state, completed(finalTasks(state).at(-1)?.id ?? ""));
      expect(isWeighingDue(state)).toBe(true);
      expect(plan(state, new Set(), 99)).toEqual([]);
      fold(state, weighed(count, false));
      expect(isWeighingDue(state)).toBe(false);
    }
    // The most is no whole number of steps: its end is no place to look.
    expect(plan(state, new Set(), 99).map(({ key }) => key.unit)).toEqual([8, 9]);
    finishAll(state);
    expect(isWeighingDue(state)).toBe(false);
    expect(plan(state, new Set(), 99)).toEqual([]);
  });

  test("ends at a look that was enough, also when its most is raised", () => {
    const state = finishAll(growing(8));
    fold(state, weighed(4, true));
    expect(plan(state, new Set(), 99)).toEqual([]);
    fold(state, { type: "grown", members: 100, time: 3 });
    expect(finalTasks(state)).toHaveLength(4);
    expect(plan(state, new Set(), 99)).toEqual([]);
  });

  test("raised after its most was reached, goes on as if it had been so from the start", () => {
    const state = finishAll(growing(6));
    fold(state, weighed(4, false));
    finishAll(state);
    fold(state, { type: "grown", members: 20, time: 3 });
    expect(ids(finalTasks(state))).toEqual(ids(finalTasks(begin(created(bag(8))))));
  });
});

describe("the plan of a search", () => {
  test("is a task per trial and fold, and the final fit only when all are assessed", () => {
    const state = begin(created(search));
    expect(plan(state, new Set(), 99)).toHaveLength(6);
    finishAll(state);
    for (const [trial, value] of [0.3, 0.1, 0.2].entries()) {
      expect(plan(state, new Set(), 99)).toEqual([]);
      fold(state, assessed(trial, value));
    }
    const final = plan(state, new Set(), 99);
    expect(final).toHaveLength(1);
    const best = allTasks(state).find(({ key }) => key.trial === 1);
    const trainOf = (task: Wanted | undefined) =>
      task?.spec.kind === "train" ? task.spec.train : undefined;
    expect(trainOf(final[0])).toBeDefined();
    expect(trainOf(final[0])).toEqual(trainOf(best));
  });

  test("ends where every trial failed", () => {
    const state = begin(created(search));
    finishAll(state);
    for (const trial of [0, 1, 2]) fold(state, assessed(trial, null));
    expect(plan(state, new Set(), 99)).toEqual([]);
    expect(finalTasks(state)).toEqual([]);
  });

  test("lists its tasks in the order of their keys", () => {
    const state = finishAll(begin(created({ ...search, ...bag(2) })));
    for (const trial of [0, 1, 2]) fold(state, assessed(trial, trial));
    const keys = allTasks(state).map(({ key }) => key);
    expect(keys).toEqual(keys.toSorted(compareKeys));
    expect(keys).toHaveLength(8);
  });
});

describe("the ledger", () => {
  const wanted = (state: RunState) => ledgerOf(state, allTasks(state));

  test("knows nothing of order, workers, attempts and times", () => {
    const state = finishAll(begin(created(bag(4))));
    const other = begin(created(bag(4)));
    for (const id of ids(finalTasks(other)).toReversed()) fold(other, completed(id, "elsewhere"));
    expect(wanted(other)).toBe(wanted(state));
  });

  test("differs where a result differs", () => {
    const state = finishAll(begin(created(bag(2))));
    const other = begin(created(bag(2)));
    const [first = "", second = ""] = ids(finalTasks(other));
    fold(other, completed(first));
    const record = completed(second);
    if (record.type === "completed" && "weights" in record.result) record.result.epoch = 2;
    fold(other, record);
    expect(wanted(other)).not.toBe(wanted(state));
  });
});

test("a setting that comes again is the same task, or the next repeat where the search says so", () => {
  const space = { "model.layers.0.dense.activation": { categorical: ["tanh", "relu"] } };
  const enqueue = ["tanh", "relu", "tanh", "tanh"].map((activation) => ({
    "model.layers.0.dense.activation": activation,
  }));
  const tasks = (more: object) =>
    allTasks(begin(created({ search: { trials: 4, repeats: 2, space, enqueue, ...more } })));
  expect(new Set(tasks({}).map(({ id }) => id)).size).toBe(4);
  const replicated = tasks({ duplicates: "replicate" });
  expect(new Set(replicated.map(({ id }) => id)).size).toBe(8);
  expect(replicated.map(({ spec }) => spec.repeat)).toEqual([0, 1, 0, 1, 2, 3, 4, 5]);
});
