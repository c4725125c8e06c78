import { mean } from "simple-statistics";
import type { CorrectedValue, Experiment } from "@manyfold/protocol";
import { match } from "@manyfold/protocol";
import { signOf } from "./metric.ts";
import { crossedValue, shrunkenValue } from "./selection.ts";
import type { Assessment, RunState } from "./state.ts";
import { assessmentAt, bestTrial, cellCount, isSearched, rankOf } from "./trials.ts";

/** An assessment with a value. */
export type Assessed = Assessment & { readonly value: number };

interface Known {
  readonly experiment: Experiment;
  readonly assessed: number;
  readonly leaders: readonly Assessed[];
}

const known = new WeakMap<RunState, Known>();

/** Trials that a search confirms, the best first, once all are assessed; none before. */
export function leadersOf(state: RunState): readonly Assessed[] {
  const { experiment } = state;
  const count = experiment.search?.confirm?.trials ?? 0;
  if (count === 0 || !isSearched(state)) return [];
  const found = known.get(state);
  if (found?.experiment === experiment && found.assessed === state.assessed.size) {
    return found.leaders;
  }
  const leaders = standings(state).slice(0, count);
  known.set(state, { experiment, assessed: state.assessed.size, leaders });
  return leaders;
}

/** The last assessment of each trial that has a value so far, the best first. */
export function standings(state: RunState): Assessed[] {
  const last = new Map<number, Assessed>();
  for (let place = 0; place < cellCount(state); place++) {
    const assessment = assessmentAt(state, place);
    if (!assessment || assessment.value === null) continue;
    const { value, rung = 0, trial } = assessment;
    if (rung >= (last.get(trial)?.rung ?? 0)) last.set(trial, { ...assessment, value });
  }
  return [...last.values()].toSorted(rankOf(state.experiment));
}

/** The mean over a leading trial's fresh cells; undefined where it has none, null where one failed. */
export function confirmedValue(state: RunState, trial: number): number | null | undefined {
  const cells = state.confirmed.get(trial);
  if (cells === undefined) return undefined;
  const values = cells.filter((cell) => cell !== null);
  return values.length === cells.length ? mean(values) : null;
}

/**
 * The trial that the final fit takes its setting from: the best one, or, of leading trials that were
 * assessed again, the best there. Undefined while that is open, and where no trial has a value.
 */
export function winningTrial(state: RunState): Assessed | undefined {
  if (state.experiment.search?.confirm === undefined) return bestTrial(state);
  if (!isSearched(state)) return undefined;
  const sign = signOf(state.experiment);
  const leaders = leadersOf(state);
  let best: { leader: Assessed; value: number } | undefined;
  for (const leader of leaders) {
    const value = confirmedValue(state, leader.trial);
    if (value === undefined) return undefined;
    if (value === null) continue;
    if (best === undefined || sign * value < best.value) best = { leader, value: sign * value };
  }
  return best?.leader ?? leaders[0];
}

/** What the winner is worth, once nothing chose it any more; see `CorrectedValue`. */
export function correctedValue(state: RunState, winner: Assessed): CorrectedValue {
  const sign = signOf(state.experiment);
  const found = corrected(state, winner, sign);
  if (sign > 0) return found;
  const turn = (value: number | null) => (value === null ? null : -value);
  return { ...found, value: -found.value, low: turn(found.high), high: turn(found.low) };
}

function corrected(state: RunState, winner: Assessed, sign: 1 | -1): CorrectedValue {
  const share = heldShare(state.experiment);
  const signed = (cells: readonly (number | null)[] = []) =>
    cells.flatMap((cell) => (cell === null ? [] : [sign * cell]));
  const count = state.data.fresh?.length ?? 0;
  const fresh = leadersOf(state)
    .map(({ trial }) => signed(state.confirmed.get(trial)))
    .filter((cells) => cells.length === count);
  if (count > 0 && fresh.length > 0) {
    return { method: "fresh", among: fresh.length, ...crossedValue(fresh, share) };
  }
  const rivals = standings(state).filter(({ rung = 0 }) => rung === (winner.rung ?? 0));
  const among = rivals.length;
  const folds = state.data.folds.length;
  if (folds > 1) {
    const cells = rivals.map((rival) => foldMeans(signed(rival.cells), folds));
    return { method: "crossed", among, ...crossedValue(cells, share) };
  }
  const valued = rivals.map(({ value, standardError }) => ({ value: sign * value, standardError }));
  return { method: "shrunken", among, cells: winner.cells.length, ...shrunkenValue(valued) };
}

/** Repeats of a fold share its rows: they are one value. */
function foldMeans(cells: readonly number[], folds: number): number[] {
  const repeats = cells.length / folds;
  return Array.from({ length: folds }, (_, fold) =>
    mean(cells.slice(fold * repeats, (fold + 1) * repeats)),
  );
}

/** Rows that a cell is scored on over rows that it was trained on. */
function heldShare({ search }: Experiment): number {
  if (!search) return 0;
  return match(search.assess, {
    validation: ({ fraction }) => fraction / (1 - fraction),
    folds: ({ k }) => 1 / (k - 1),
  });
}
