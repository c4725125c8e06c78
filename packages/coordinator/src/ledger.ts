import type { Hash } from "@manyfold/protocol";
import { hashJson } from "@manyfold/protocol";
import type { Wanted } from "./plan.ts";
import type { RunState } from "./state.ts";
import { outcomeOf } from "./state.ts";

/**
 * The sha256 over all results in task order. It holds no run, time, worker or attempt, so equal
 * experiments have equal ledgers however they were run. A search that goes on from an earlier run
 * names that run's trials.
 */
export function ledgerOf(state: RunState, wanted: readonly Wanted[]): Hash {
  const lines = wanted.map(({ key, id }) => {
    const outcome = outcomeOf(state, id);
    const place = [key.trial, key.fold, key.repeat, key.rung, key.unit];
    if (outcome === undefined) return hashJson([place, id, "open"]);
    if ("code" in outcome) {
      // Only what the task itself determines; messages may name a machine.
      const { code, epoch, layer } = outcome;
      return hashJson([place, id, { code, epoch, layer }]);
    }
    return hashJson([place, id, outcome]);
  });
  const earlier = state.experiment.search?.warmStart;
  if (earlier === undefined || typeof earlier === "string") return hashJson(lines);
  return hashJson([...lines, hashJson(["warmStart", earlier.hash])]);
}
