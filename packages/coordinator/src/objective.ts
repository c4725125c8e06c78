import type {
  Experiment,
  FittedTarget,
  Hash,
  ObjectiveSpec,
  ObjectiveTask,
  Params,
  SearchResult,
  TaskSpec,
} from "@manyfold/protocol";
import { ManyfoldError } from "@manyfold/protocol";
import type { Finished } from "./finish.ts";
import type { Wanted } from "./plan.ts";
import type { RunState } from "./state.ts";
import { outcomeOf } from "./state.ts";

/** Steps that a trial takes where nobody stops it: epochs of a network, or an objective's own. */
export function stepsOf({ objective, train }: Experiment): number {
  return objective?.steps ?? train.epochs;
}

/** The call of the user's own objective that a trial's cell, or the best setting's last one, is. */
export function objectiveTask(
  { created }: RunState,
  { module: name, export: exported, steps }: ObjectiveSpec,
  call: Pick<TaskSpec, "data" | "seed" | "fold" | "repeat"> & {
    readonly params: Params;
    readonly target: FittedTarget;
  },
): ObjectiveTask {
  const module = { name, export: exported, hash: hashOf(created.module) };
  const { variant } = created;
  return { version: 1, kind: "objective", variant, ...call, member: 0, module, steps };
}

function hashOf(module: Hash | undefined): Hash {
  if (module !== undefined) return module;
  throw new ManyfoldError({
    code: "journal",
    path: "journal.log record 0 module",
    condition: "the hash of the objective's module",
    got: "nothing",
    help: "Who begins a run with an objective says which file it is.",
  });
}

/** What the best setting came to on the test rows, where there are any. */
export function testOf(state: RunState, final: readonly Wanted[]): Pick<SearchResult, "test"> {
  const outcome = final[0] && outcomeOf(state, final[0].id);
  if (!outcome || !("value" in outcome)) return {};
  const { value, values } = outcome;
  return { test: { value, ...(values && { values }) } };
}

/** A search over an objective ends with its best setting: there is nothing to combine or to keep. */
export function finishObjective(
  tasks: Finished["tasks"],
  result: Finished["result"],
  error: Finished["error"],
): Finished {
  const status = error ? "error" : tasks.failed > 0 ? "partial" : "done";
  return { status, result, tasks, artifact: null, predictions: null, error };
}
