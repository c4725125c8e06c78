import type { Hash, StopReason } from "@manyfold/protocol";
import { decisionsOf } from "./decisions.ts";
import { tasksOfCell } from "./plan.ts";
import type { RunState } from "./state.ts";
import { outcomeOf } from "./state.ts";
import { cellAt, cellCount, firstOpen, isSearched } from "./trials.ts";

/** Budgets that a clock uses up: where they end a search differs from run to run. */
export const CLOCKS: ReadonlySet<StopReason> = new Set<StopReason>(["seconds", "cpuSeconds"]);

/**
 * The budget that ends a search now; undefined where none does, or one has. Time counts from the
 * run's beginning, or from when it was last asked to go further.
 *
 * @param now milliseconds since 1970
 */
export function usedUp(state: RunState, now: number): StopReason | undefined {
  const { experiment, labour, stopped } = state;
  const { budget } = experiment.search ?? {};
  if (budget === undefined || stopped !== undefined) return undefined;
  const reason = decisionsOf(state)?.reason;
  if (reason !== undefined) return reason;
  const { seconds = Infinity, cpuSeconds = Infinity } = budget;
  if (seconds === Infinity && cpuSeconds === Infinity) return undefined;
  if (isSearched(state)) return undefined;
  const active = labour.active - labour.spentActive + Math.max(0, now - labour.last);
  if (active >= seconds * 1000) return "seconds";
  return labour.trainSeconds - labour.spentTraining >= cpuSeconds ? "cpuSeconds" : undefined;
}

/** Cells, from the first, of which some task has ended or is in flight: a plan starts them in order. */
export function begunCells(state: RunState, inFlight: Pick<ReadonlySet<Hash>, "has">): number {
  const count = cellCount(state);
  let place = firstOpen(state);
  const isBegun = (task: Hash) => inFlight.has(task) || outcomeOf(state, task) !== undefined;
  while (place < count && tasksOfCell(state, cellAt(state, place)).some(({ id }) => isBegun(id))) {
    place += 1;
  }
  return place;
}
