import { prepare, rawTable } from "@manyfold/data";
import { Experiment, hashJson } from "@manyfold/protocol";
import type { ExperimentInput, JournalRecord } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { dueTrials } from "./assess.ts";
import { decisionsOf } from "./decisions.ts";
import { plan } from "./plan.ts";
import type { RunState } from "./state.ts";
import { begin, fold } from "./state.ts";
import { paramsOf } from "./trials.ts";
import { explainTrial } from "./why.ts";

const LAG = 2;
const LR = "train.optimizer.adam.lr";

/** A search as it goes on one slot; the first attempt at trial 3 runs out of memory. */
function searched(search: object): RunState {
  const experiment = Experiment.parse({
    version: 1,
    name: "lines",
    data: { source: "lines.csv", target: "y", task: "regression" },
    model: { layers: [{ dense: { units: 4, activation: "tanh" } }] },
    train: { epochs: 9 },
    search: {
      sampler: { tpe: { startup: 4 } },
      trials: 24,
      lag: LAG,
      space: { [LR]: { float: [0.001, 1], scale: "log" } },
      ...search,
    },
  } as ExperimentInput);
  const rows = Array.from({ length: 20 }, (_, row) => [String(row), String(2 * row + 1)]);
  const lines = rows.map((_, row) => row + 2);
  const cells = { source: "lines.csv", hash: hashJson(rows), header: ["x", "y"], rows, lines };
  const { data } = prepare(rawTable(cells, experiment.data), experiment);
  const state = begin({
    type: "created",
    version: 1,
    run: "r",
    experiment,
    variant: "js",
    data,
    time: 0,
    manyfold: "0",
  });
  let failed = false;
  for (let time = 1000; ; time += 1000) {
    const [next] = plan(state, new Set(), 1);
    if (!next || next.key.trial < 0) return state;
    const { id: task, key } = next;
    const of = { task, key, worker: "w", seconds: 0.5, time };
    const hash = { hash: hashJson([task, "checkpoint"]), bytes: 1 };
    const failure = { code: "oom", message: "It was too large.", permanent: false } as const;
    const isFirst: boolean = key.trial === 3 && !failed;
    failed ||= isFirst;
    const result = {
      weights: hash,
      parameters: 1,
      predictions: {},
      curve: [{ epoch: 1, train: 1 }],
      epoch: 1,
      stopped: false,
      checkpoint: hash,
    };
    const record: JournalRecord = isFirst
      ? { type: "failed", attempt: 1, failure, ...of }
      : { type: "completed", attempt: key.trial === 3 ? 2 : 1, result, ...of };
    fold(state, record);
    for (const { trial, rung } of dueTrials(state)) {
      const lr = Number(paramsOf(state, trial)?.[LR]);
      const value = Math.abs(Math.log(lr / 0.03)) - (rung ?? 0) / 3;
      const at = rung === undefined ? { trial } : { trial, rung };
      fold(state, {
        type: "assessed",
        ...at,
        value,
        standardError: null,
        cells: [value],
        epoch: 1,
        time,
      });
    }
  }
}

test("a proposal knew what the lag let it know, and says what the model took for good", () => {
  const state = searched({});
  for (const trial of [0, 5, 23]) {
    const { proposal } = explainTrial(state, trial);
    const known = Math.max(0, trial - LAG);
    expect(proposal.knew).toEqual(Array.from({ length: known }, (_, one) => one));
    expect(proposal.pending).toEqual(
      Array.from({ length: trial - known }, (_, one) => known + one),
    );
    expect(proposal.reason).toMatchObject(
      known < 4 ? { by: "start-up", results: known, needed: 4 } : { by: "model", results: known },
    );
  }
  const { good = [] } = explainTrial(state, 23).proposal.reason ?? {};
  const values = Array.from({ length: 21 }, (_, trial) => state.assessed.get(trial)?.value ?? 0);
  const worst = Math.max(...good.map((trial) => values[trial] ?? 0));
  expect(good).toHaveLength(3);
  expect(values.filter((value) => value < worst)).toHaveLength(2);
});

test("a sampler that reads no results knew none", () => {
  const state = searched({ sampler: "sobol" });
  expect(explainTrial(state, 7).proposal).toMatchObject({ adaptive: false, knew: [], pending: [] });
  expect(explainTrial(state, 7).proposal.reason).toBeUndefined();
});

test.each([
  { asha: { min: 1, eta: 3 } },
  { asha: { min: 1, eta: 3, mode: "stop" } },
  { hyperband: { eta: 3 } },
  { median: { startup: 3 } },
])("who went on was told so, and who rests as well: %o", (scheduler) => {
  const state = searched({ scheduler });
  const made = decisionsOf(state)?.made ?? [];
  for (const { trial, rung } of made) {
    const { looks } = explainTrial(state, trial);
    const at = looks.findIndex((look) => look.rung === rung);
    const verdict = looks[at]?.verdict;
    // A round that never filled has not been judged.
    expect(verdict?.goesOn ?? false).toBe(at < looks.length - 1);
    const { rank = 0, quota = 0, goesOn = false } = verdict ?? {};
    expect(goesOn && rank > quota).toBe(false);
  }
});

test("a retry has its reason and its limit", () => {
  const { attempts, allowed } = explainTrial(searched({}), 3);
  expect(attempts).toMatchObject([
    { attempt: 1, failure: "oom", message: "It was too large.", triedAgain: true },
    { attempt: 2, from: 4.5, to: 5 },
  ]);
  expect(allowed).toEqual({ oom: 2 });
});

test("a trial that is not there is named, with what there is", () => {
  expect(() => explainTrial(searched({}), 24)).toThrow(
    "trial of r must be one of 0 to 23, got 24.",
  );
});
