import type { Failure, SearchResult, TaskResult, TrialRow } from "@manyfold/protocol";
import { fold, key } from "@manyfold/core";
import { tagOf } from "@manyfold/protocol";
import { importances, insightOf } from "@manyfold/search";
import { decisionsOf, isFree, rungsOf } from "./decisions.ts";
import { testOf } from "./objective.ts";
import { finalTasks, tasksOfCell } from "./plan.ts";
import type { Assessment, RunState } from "./state.ts";
import { cellNumber, outcomeOf } from "./state.ts";
import { directionOf, metricName, signOf } from "./metric.ts";
import { paramsOf, proposedTrials } from "./trials.ts";
import { confirmedValue, correctedValue, leadersOf, winningTrial } from "./winner.ts";

/** The table of the trials proposed so far and the best of them; null for an experiment without a search. */
export function searchResult(state: RunState): SearchResult | null {
  const { experiment } = state;
  if (!experiment.search) return null;
  const { space, warmStart } = experiment.search;
  const best = winningTrial(state);
  const trials = trialRows(state);
  const earlier = typeof warmStart === "object" ? warmStart : undefined;
  const sign = signOf(experiment);
  const history = trials.map(({ trial, params, value }) => ({
    trial,
    params,
    value: value === null ? null : sign * value,
  }));
  const importance = importances(space, history, fold(key(experiment.seed), "importance"));
  const direction = directionOf(experiment);
  const names = importance?.map(({ name }) => name) ?? [];
  return {
    sampler: tagOf(experiment.search.sampler),
    metric: metricName(experiment),
    direction,
    best: best
      ? {
          trial: best.trial,
          params: paramsOf(state, best.trial) ?? {},
          value: best.value,
        }
      : null,
    ...(best && { corrected: correctedValue(state, best) }),
    ...(state.stopped && { stopped: state.stopped.by }),
    ...(isFree(state) && { order: "free" as const }),
    trials,
    ...(experiment.objective ? testOf(state, finalTasks(state)) : {}),
    ...(earlier && {
      earlier: { run: earlier.run, hash: earlier.hash, trials: earlier.trials.length },
    }),
    ...(importance ? { importance } : {}),
    insight: insightOf(space, trials, direction, names),
  };
}

type Cell = Pick<Assessment, "trial" | "rung">;

/** Every trial that is proposed by now, in order. */
export function trialRows(state: RunState): TrialRow[] {
  const cells = Array.from({ length: proposedTrials(state) }, (_, trial): Cell[] => [{ trial }]);
  const decisions = decisionsOf(state);
  if (decisions) {
    for (const ofTrial of cells) ofTrial.length = 0;
    for (const { trial, rung } of decisions.made) cells[trial]?.push({ trial, rung });
  }
  const ends = rungsOf(state.experiment);
  // A search that was grown may have confirmed trials that lead no more.
  const leaders = new Set(leadersOf(state).map(({ trial }) => trial));
  return cells.map((ofTrial, trial) => {
    const row = rowOf(state, trial, ofTrial, ends);
    const confirmed = leaders.has(trial) ? confirmedValue(state, trial) : undefined;
    return confirmed === undefined ? row : { ...row, confirmed };
  });
}

function rowOf(
  state: RunState,
  trial: number,
  cells: readonly Cell[],
  ends: readonly number[] | undefined,
): TrialRow {
  const known = cells.flatMap((cell) => state.assessed.get(cellNumber(cell)) ?? []);
  const last = known.at(-1);
  const { value = null, standardError = null } = last ?? {};
  const epochs = epochsOf(state, cells);
  const rungs = known.map((one) => ({
    epochs: ends?.[one.rung ?? 0] ?? 1,
    value: one.value,
    standardError: one.standardError,
  }));
  return {
    trial,
    params: paramsOf(state, trial) ?? {},
    value,
    standardError,
    state: last
      ? value === null
        ? "failed"
        : "completed"
      : epochs === null
        ? "waiting"
        : "running",
    epochs: epochs ?? 0,
    ...(ends && { rungs }),
  };
}

/** Epochs trained, over a trial's networks; null where none of its tasks has ended. */
function epochsOf(state: RunState, cells: readonly Cell[]): number | null {
  // A training's later parts hold the curve of the earlier ones.
  const longest = new Map<string, number>();
  let ended = false;
  for (const cell of cells) {
    for (const { id, key: place } of tasksOfCell(state, cell)) {
      const outcome = outcomeOf(state, id);
      if (outcome === undefined) continue;
      ended = true;
      const epochs = stepsDone(outcome);
      const name = `${place.fold} ${place.repeat} ${place.unit}`;
      longest.set(name, Math.max(longest.get(name) ?? 0, epochs));
    }
  }
  return ended ? [...longest.values()].reduce((sum, one) => sum + one, 0) : null;
}

/** Epochs of a training, or steps that an objective reported. */
function stepsDone(outcome: TaskResult | Failure): number {
  if ("weights" in outcome) return outcome.curve.length;
  return "value" in outcome ? (outcome.reported.at(-1)?.step ?? 0) : (outcome.epoch ?? 0);
}
