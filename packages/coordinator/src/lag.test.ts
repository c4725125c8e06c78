import { fold as foldKey, key, uniforms } from "@manyfold/core";
import { prepare, rawTable } from "@manyfold/data";
import { Experiment, hashJson } from "@manyfold/protocol";
import type { ExperimentInput, Hash, JournalRecord, Params } from "@manyfold/protocol";
import { isAdaptive, samplers } from "@manyfold/search";
import { describe, expect, test } from "vitest";
import { dueConfirmations, dueTrials } from "./assess.ts";
import { ledgerOf } from "./ledger.ts";
import {
  allTasks,
  finalTasks,
  freshTasks,
  idleNote,
  plan,
  tasksOfTrial,
  waitingTasks,
} from "./plan.ts";
import { progressOf } from "./progress.ts";
import { searchResult } from "./search-result.ts";
import type { RunState } from "./state.ts";
import { begin, fold, outcomeOf } from "./state.ts";
import { paramsOf, proposedTrials } from "./trials.ts";

/*
 * Searches in virtual time: what is planned, by how many slots and in which order it ends, and when
 * the coordinator dies, may change nothing of what is tried and found.
 */

const LAG = 3;
const LR = "train.optimizer.adam.lr";
const UNITS = "model.layers.0.dense.units";

const experimentOf = (sampler: string, trials: number, more: object = {}): Experiment =>
  Experiment.parse({
    version: 1,
    name: "lines",
    data: { source: "lines.csv", target: "y", task: "regression" },
    model: { layers: [{ dense: { units: 4, activation: "tanh" } }] },
    search: {
      sampler: sampler === "tpe" ? { tpe: { startup: 4 } } : sampler,
      trials,
      lag: LAG,
      assess: { folds: { k: 2 } },
      space: {
        [LR]: { float: [0.001, 1], scale: "log", steps: 6 },
        [UNITS]: { int: [1, 16], steps: 6 },
      },
      ...more,
    },
  } as ExperimentInput);

function createdOf(experiment: Experiment): JournalRecord {
  const rows = Array.from({ length: 20 }, (_, row) => [String(row), String(2 * row + 1)]);
  const lines = rows.map((_, row) => row + 2);
  const cells = { source: "lines.csv", hash: hashJson(rows), header: ["x", "y"], rows, lines };
  const { data } = prepare(rawTable(cells, experiment.data), experiment);
  const [version, variant] = [1, "js"] as const;
  return { type: "created", version, run: "r", experiment, variant, data, time: 0, manyfold: "0" };
}

/** How good a setting is; every so often a task fails, always the same one. */
const worth = (params: Params) =>
  Math.abs(Math.log(Number(params[LR]) / 0.03)) + Number(params[UNITS]) / 16;
const share = (id: Hash, what: string) => uniforms(foldKey(key(1), `${what} ${id}`), 1)[0] ?? 0;

interface Circumstances {
  readonly slots: number;
  /** Which task takes how long. */
  readonly pace: string;
  /** After so many records the coordinator starts anew from its journal. */
  readonly dies?: readonly number[];
  readonly grow?: { readonly at: number; readonly trials: number };
}

function simulate(experiment: Experiment, { slots, pace, dies = [], grow }: Circumstances) {
  const records = [createdOf(experiment)];
  let state = begin(records[0] as JournalRecord);
  const deaths = new Set(dies);
  const running = new Map<Hash, number>();
  const counts: [object, object][] = [];
  let [clock, mostTrials] = [0, 0];
  const record = (one: JournalRecord) => {
    records.push(one);
    fold(state, one);
    if (!deaths.delete(records.length)) return;
    const [first, ...rest] = records as [JournalRecord, ...JournalRecord[]];
    state = begin(first);
    for (const each of rest) fold(state, each);
    running.clear();
  };
  for (;;) {
    for (const { id } of plan(state, new Set(running.keys()), slots - running.size)) {
      running.set(id, clock + 0.1 + share(id, pace) ** 4);
    }
    const trials = Array.from({ length: proposedTrials(state) }, (_, trial) => trial).filter(
      (trial) => tasksOfTrial(state, trial).some(({ id }) => running.has(id)),
    );
    mostTrials = Math.max(mostTrials, trials.length);
    const [next] = [...running].toSorted(([, a], [, b]) => a - b);
    if (!next) {
      if (grow && state.experiment.search?.trials === grow.at) {
        record({ type: "grown", trials: grow.trials, time: clock });
        continue;
      }
      break;
    }
    const [task, end] = next;
    running.delete(task);
    clock = end;
    const done = { task, attempt: 1, worker: "w", seconds: 1, time: clock };
    const failure = { code: "nan", message: "It diverged.", permanent: true } as const;
    const blob = { hash: task, bytes: 1 };
    const result = {
      weights: blob,
      parameters: 1,
      predictions: {},
      curve: [],
      epoch: 1,
      stopped: false,
      checkpoint: { hash: hashJson([task, "checkpoint"]), bytes: 1 },
    };
    if (share(task, "fails") < 0.06) record({ type: "failed", ...done, failure });
    else record({ type: "completed", ...done, result });
    if (records.length % 23 === 0) counts.push([progressOf(state), counted(state)]);
    for (const { trial, rung } of dueTrials(state, new Set(running.keys()))) {
      const outcomes = tasksOfTrial(state, trial).map(({ id }) => outcomeOf(state, id));
      const failed = outcomes.some((outcome) => outcome && "code" in outcome);
      // The longer the training, the better; and not in the same order.
      const more = rung === undefined ? 0 : share(`${trial}/${rung}`, "late") / 4 - rung / 3;
      const value = failed ? null : worth(paramsOf(state, trial) ?? {}) + more;
      const found = {
        trial,
        ...(rung !== undefined && { rung }),
        value,
        standardError: null,
        cells: [value, value],
        epoch: 1,
      };
      record({ type: "assessed", ...found, time: clock });
    }
    for (const trial of dueConfirmations(state)) {
      const cells = freshTasks(state, trial).map(({ id }) => {
        const outcome = outcomeOf(state, id);
        return outcome && "code" in outcome ? null : worth(paramsOf(state, trial) ?? {});
      });
      record({ type: "confirmed", trial, cells, time: clock });
    }
  }
  for (const [said, found] of counts) expect(said).toMatchObject(found);
  return {
    found: { result: searchResult(state), ledger: ledgerOf(state, allTasks(state)) },
    records: records.length,
    mostTrials,
    waiting: waitingTasks(state),
  };
}

/** What progress says, counted one by one. */
function counted(state: RunState) {
  const outcomes = allTasks(state).map(({ id }) => outcomeOf(state, id));
  const failed = outcomes.filter((outcome) => outcome && "code" in outcome).length;
  const final = finalTasks(state).length === 0 ? 1 : 0;
  const total = outcomes.length + waitingTasks(state) + final;
  return { done: outcomes.filter(Boolean).length, failed, total };
}

describe.each(Object.keys(samplers))("%s", (sampler) => {
  const experiment = experimentOf(sampler, 20);
  const alone = simulate(experiment, { slots: 1, pace: "even" });

  test("tries all its trials, some of which fail", () => {
    const states = alone.found.result?.trials.map(({ state }) => state);
    expect(states).toHaveLength(20);
    expect(new Set(states)).toEqual(new Set(["completed", "failed"]));
    expect(alone.waiting).toBe(0);
  });

  test.each([2, 3, 4, 16, 64])("is the same on %i slots at any pace", (slots) => {
    for (const pace of ["even", "odd"]) {
      const found = simulate(experiment, { slots, pace });
      expect(found.found).toEqual(alone.found);
      const most = isAdaptive({ sampler: experiment.search?.sampler ?? { random: {} } })
        ? LAG + 1
        : 20;
      expect(found.mostTrials).toBeLessThanOrEqual(most);
      // Two tasks a trial: enough slots for all trials that may run at once are all used.
      expect(found.mostTrials >= most || slots < 2 * most).toBe(true);
    }
  });

  test("is the same after its coordinator's deaths", () => {
    for (let at = 3; at < alone.records; at += 5) {
      const dies = [at, at + 1, at + 20];
      expect(simulate(experiment, { slots: 4, pace: "odd", dies }).found).toEqual(alone.found);
    }
  });

  test("8 and 12 trials more are 20", () => {
    const grow = { at: 8, trials: 20 };
    const grown = simulate(experimentOf(sampler, 8), { slots: 4, pace: "even", grow });
    expect(grown.found).toEqual(alone.found);
  });
});

const scheduled = [
  ["tpe", { asha: { min: 1, eta: 2 } }],
  ["random", { asha: { min: 1, eta: 3 } }],
  ["random", { asha: { min: 1, eta: 2, mode: "stop" } }],
  ["sobol", { median: { every: 2, startup: 3 } }],
  ["cma-es", { asha: { min: 2, eta: 2 } }],
  ["tpe", { hyperband: { eta: 3 } }],
] as const;

describe.each(scheduled)("%s with %j", (sampler, scheduler) => {
  const isPlanned = "hyperband" in scheduler;
  const trials = isPlanned ? 17 : 20;
  const of = (count: number) =>
    Experiment.parse({ ...experimentOf(sampler, count, { scheduler }), train: { epochs: 9 } });
  const alone = simulate(of(trials), { slots: 1, pace: "even" });

  test("takes a part of the trials to the end, and fits the best of those anew", () => {
    const { result } = alone.found;
    expect(result?.trials).toHaveLength(trials);
    expect(result?.best).not.toBeNull();
    expect(alone.records).toBeLessThan(trials * 15);
  });

  test.each([2, 4, 16])("is the same on %i slots at any pace", (slots) => {
    for (const pace of ["even", "odd"]) {
      expect(simulate(of(trials), { slots, pace }).found).toEqual(alone.found);
    }
  });

  test("is the same after its coordinator's deaths", () => {
    for (let at = 3; at < alone.records; at += 23) {
      const dies = [at, at + 1, at + 20];
      expect(simulate(of(trials), { slots: 4, pace: "odd", dies }).found).toEqual(alone.found);
    }
  });

  test.skipIf(isPlanned)("8 and 12 trials more are 20", () => {
    const grow = { at: 8, trials: 20 };
    const grown = simulate(of(8), { slots: 4, pace: "even", grow });
    expect(grown.found).toEqual(alone.found);
  });
});

describe("repeats, and a second look at the leading trials", () => {
  const more = { repeats: 2, confirm: { trials: 3, rounds: 2 } };
  const of = (trials: number) => experimentOf("tpe", trials, more);
  const alone = simulate(of(20), { slots: 1, pace: "even" });

  test("train every fold twice, and three trials on four folds more", () => {
    const { result } = alone.found;
    const confirmed = result?.trials.filter((trial) => trial.confirmed !== undefined) ?? [];
    expect(confirmed).toHaveLength(3);
    expect(result?.corrected).toMatchObject({ method: "fresh", cells: 4 });
    const valued = confirmed.flatMap(({ confirmed: value }) => value ?? []);
    const best = result?.trials[result.best?.trial ?? -1];
    expect(best?.confirmed).toBe(Math.min(...valued));
    // 20 trials of 2 folds and 2 repeats, 3 of 4 fresh folds, one fit; and what says so.
    expect(alone.records).toBe(1 + 20 * 4 + 20 + 3 * 4 + 3 + 1);
  });

  test.each([2, 16, 64])("are the same on %i slots, grown, and after deaths", (slots) => {
    const dies = [40, 41, 100, 112, 116];
    expect(simulate(of(20), { slots, pace: "odd", dies }).found).toEqual(alone.found);
    const grow = { at: 8, trials: 20 };
    expect(simulate(of(8), { slots, pace: "even", grow }).found).toEqual(alone.found);
  });
});

test("a trial that waits for results has no setting and no tasks yet", () => {
  const state = begin(createdOf(experimentOf("tpe", 20)));
  expect(proposedTrials(state)).toBe(LAG + 1);
  expect(paramsOf(state, LAG)).toBeDefined();
  expect(paramsOf(state, LAG + 1)).toBeUndefined();
  expect(plan(state, new Set(), 100)).toHaveLength(2 * (LAG + 1));
  expect(waitingTasks(state)).toBe(2 * (20 - LAG - 1));
});

test("more slots than the lag lets run are named", () => {
  const state = begin(createdOf(experimentOf("tpe", 20)));
  expect(idleNote(state, 8)).toBeUndefined();
  expect(idleNote(state, 12)).toBe(
    "4 of 12 slots stay idle while the search learns: with search.lag 3 at most 4 trials run at once. A lag of 5 would use all; it changes which settings are tried.",
  );
  expect(idleNote(begin(createdOf(experimentOf("random", 20))), 99)).toBeUndefined();
});
