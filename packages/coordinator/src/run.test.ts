import { memoryBlobs, memoryJournal } from "@manyfold/files";
import { prepare, rawTable } from "@manyfold/data";
import { Experiment, hashJson, ManyfoldError } from "@manyfold/protocol";
import type { Executor, Hash, Journal, JournalRecord, TaskResult } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { drive } from "./run.ts";
import { begin, outcomeOf } from "./state.ts";

const clock = { now: () => 0, monotonic: () => 0 };

function createdRecord(): JournalRecord {
  const experiment = Experiment.parse({
    version: 1,
    name: "line",
    data: { source: "line.csv", target: "y", task: "regression" },
    model: { layers: [{ dense: { units: 2, activation: "tanh" } }] },
    ensemble: { bagging: { members: 2 } },
  });
  const rows = Array.from({ length: 10 }, (_, row) => [String(row), String(2 * row + 1)]);
  const lines = rows.map((_, row) => row + 2);
  const cells = { source: "line.csv", hash: hashJson(rows), header: ["x", "y"], rows, lines };
  const { data } = prepare(rawTable(cells, experiment.data), experiment);
  return {
    type: "created",
    version: 1,
    run: "r",
    experiment,
    variant: "js",
    data,
    time: 0,
    manyfold: "0",
  };
}

/** Every attempt is lost; what is concluded is noted with the journal's length at that moment. */
function losing(late: ReadonlyMap<number, TaskResult> = new Map()) {
  const concluded = new Map<Hash, string>();
  const seen: Hash[] = [];
  const executor: Executor = {
    description: { kind: "losing", slots: 2, host: "here" },
    async *run(tasks) {
      for await (const { id, attempt } of tasks) {
        if (!seen.includes(id)) seen.push(id);
        const failure = { code: "lost", message: "Gone.", permanent: false } as const;
        yield { type: "failed", task: id, attempt, worker: "w", failure, seconds: 0 };
      }
    },
    cancel: () => undefined,
    lateSuccess(task) {
      const result = late.get(seen.indexOf(task));
      return Promise.resolve(result && { result, worker: "late", seconds: 1 });
    },
    conclude(task, { code }) {
      concluded.set(task, code);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  return { executor, concluded, seen };
}

test("a task that was lost three times is given up, and said to be", async () => {
  const state = begin(createdRecord());
  const { executor, concluded, seen } = losing();
  const journal = memoryJournal([state.created]);
  expect(await drive(state, { journal, blobs: memoryBlobs(), executor, clock })).toBe(true);
  expect([...concluded]).toEqual(seen.map((task) => [task, "poison"]));
  expect(concluded.size).toBe(2);
});

test("a success that came late counts in place of the last loss", async () => {
  const result: TaskResult = {
    weights: { hash: hashJson("weights"), bytes: 4 },
    parameters: 1,
    predictions: {},
    curve: [],
    epoch: 1,
    stopped: false,
  };
  const state = begin(createdRecord());
  const { executor, concluded, seen } = losing(new Map([[0, result]]));
  const journal = memoryJournal([state.created]);
  await drive(state, { journal, blobs: memoryBlobs(), executor, clock });
  expect(outcomeOf(state, seen[0]!)).toEqual(result);
  expect([...concluded.keys()]).toEqual([seen[1]]);
});

test("a coordinator that is shut out of the journal concludes nothing", async () => {
  const state = begin(createdRecord());
  const { executor, concluded } = losing();
  const open = memoryJournal([state.created]);
  // Two losses of each task are written, then another coordinator takes over.
  const journal: Journal = {
    ...open,
    append(after, records) {
      if (records.every((one) => one.type !== "failed" || one.attempt < 3)) {
        return open.append(after, records);
      }
      const error = new ManyfoldError({ code: "environment", path: "r", condition: "ours" });
      return Promise.reject(error);
    },
  };
  const world = { journal, blobs: memoryBlobs(), executor, clock };
  await expect(drive(state, world)).rejects.toThrow("ours");
  expect(concluded.size).toBe(0);
});

test("what an executor had when it was shut is open as before, however often", async () => {
  const state = begin(createdRecord());
  const journal = memoryJournal([state.created]);
  const { executor } = losing();
  const attempts = new Set<number>();
  const shutting: Executor = {
    ...executor,
    async *run(tasks, how) {
      for await (const event of executor.run(tasks, how)) {
        attempts.add(event.attempt);
        yield event.type === "failed" ? { ...event, shut: true } : event;
        return;
      }
    },
  };
  for (let session = 0; session < 5; session++) {
    const world = { journal, blobs: memoryBlobs(), executor: shutting, clock };
    expect(await drive(state, world)).toBe(false);
  }
  expect([...attempts]).toEqual([1]);
  expect(state.labour).toMatchObject({ attempts: 0, lost: 0 });
  expect(state.length).toBe(1);
});

test("a copy is counted and shown, and is no attempt", async () => {
  const state = begin(createdRecord());
  const journal = memoryJournal([state.created]);
  const result: TaskResult = {
    weights: { hash: hashJson("weights"), bytes: 4 },
    parameters: 1,
    predictions: {},
    curve: [],
    epoch: 1,
    stopped: false,
  };
  const executor: Executor = {
    ...losing().executor,
    async *run(tasks) {
      let first = true;
      for await (const { id, attempt } of tasks) {
        const of = { task: id, attempt, seconds: 1, ...(first && { copies: 1 }) };
        yield { type: "completed", ...of, worker: first ? "second" : "first", result };
        first = false;
      }
    },
  };
  expect(await drive(state, { journal, blobs: memoryBlobs(), executor, clock })).toBe(true);
  expect(state.labour).toMatchObject({ attempts: 2, lost: 0, copies: 1 });
  expect([...state.labour.tasks]).toEqual([
    ["second", 1],
    ["first", 1],
  ]);
  expect(state.labour.spans.map(({ copies }) => copies)).toEqual([1, undefined]);
});
