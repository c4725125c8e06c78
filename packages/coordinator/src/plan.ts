import type {
  Experiment,
  Hash,
  PreparedTable,
  Report,
  TaskKey,
  TaskSpec,
  TrainSpec,
} from "@manyfold/protocol";
import { FINAL, taskId } from "@manyfold/protocol";
import { isAdaptive } from "@manyfold/search";
import type { Cell } from "@manyfold/search";
import { firstOpenTask } from "./cursor.ts";
import { cellsPerTrial, trialCount } from "./count.ts";
import { decisionsOf, isFree, rungsOf } from "./decisions.ts";
import { objectiveTask } from "./objective.ts";
import type { Assessment, RunState } from "./state.ts";
import { cellNumber, outcomeOf } from "./state.ts";
import {
  assessmentAt,
  cellAt,
  cellCount,
  copiesBefore,
  firstOpen,
  isSearched,
  paramsOf,
  proposedTrials,
  settingOf,
} from "./trials.ts";
import { leadersOf, standings, winningTrial } from "./winner.ts";
import { cyclic, snapshotTasks } from "./snapshots.ts";
import type { Unit } from "./units.ts";
import { curveUnits, hasOutOfBag, membersWanted, unitsOf } from "./units.ts";

/** A task that the experiment wants done, and its place in the order of results. */
export interface Wanted {
  readonly key: TaskKey;
  readonly id: Hash;
  readonly spec: TaskSpec;
}

/**
 * The next tasks to start, in task order: wanted, neither ended nor in flight, at most `limit`.
 *
 * Pure: equal states give equal plans. Nothing wanted and nothing in flight means that the run is at
 * its end. A trial is wanted once its setting is known: where a sampler learns, once the trials that
 * its proposal sees are assessed. The final fit of a search is wanted once every trial is.
 */
export function plan(
  state: RunState,
  inFlight: Pick<ReadonlySet<Hash>, "has">,
  limit: number,
): Wanted[] {
  const next: Wanted[] = [];
  const seen = new Set<Hash>();
  const take = (wanted: readonly Wanted[], from = 0) => {
    for (let at = from; at < wanted.length && next.length < limit; at++) {
      const task = wanted[at];
      if (!task) break;
      if (inFlight.has(task.id) || seen.has(task.id) || outcomeOf(state, task.id)) continue;
      seen.add(task.id);
      next.push(task);
    }
  };

  const count = cellCount(state);
  for (let place = firstOpen(state); place < count && next.length < limit; place++) {
    if (!assessmentAt(state, place)) take(tasksOfCell(state, cellAt(state, place)));
  }
  for (const { trial } of leadersOf(state)) {
    if (!state.confirmed.has(trial)) take(freshTasks(state, trial));
  }
  if (next.length === 0 && isSearched(state)) {
    const final = finalTasks(state);
    const isListed = !finalExperiment(state)?.ensemble?.snapshots;
    take(final, isListed ? firstOpenTask(state, final) : 0);
    take(keptTasks(state));
    take(curveTasks(state));
  }
  return next;
}

/** All tasks of a trial that is proposed: one per fold and unit, and per rung decided, in task order. */
export function tasksOfTrial(state: RunState, trial: number): readonly Wanted[] {
  const decisions = decisionsOf(state);
  if (!decisions) return tasksOfCell(state, { trial });
  return decisions.placesOf(trial).flatMap((place) => tasksOfCell(state, cellAt(state, place)));
}

/** All tasks of a cell that is decided: one per fold and unit, in task order. */
export function tasksOfCell(
  state: RunState,
  cell: Pick<Assessment, "trial" | "rung">,
): readonly Wanted[] {
  // Of a trial that is over hardly anybody asks again, and there may be very many.
  const keep = cell.rung !== undefined || !state.assessed.has(cell.trial);
  return remember(state, `cell ${cellNumber(cell)}`, keep, () => {
    const { trial, rung } = cell;
    const setting = settingOf(state, trial);
    const ensemble = setting.search?.each === "ensemble" ? setting.ensemble : undefined;
    const { train } = setting;
    const count = setting.search?.repeats ?? 1;
    // A setting that came before goes on with its repeats, where the search says so.
    const from = copiesBefore(state, trial) * count;
    const repeats = Array.from({ length: count }, (_, repeat) => from + repeat);
    const whole = state.data.folds.flatMap((prepared, fold) =>
      repeats.flatMap((repeat) =>
        unitsOf(ensemble).map((unit) => {
          const place = { trial, setting: trial, fold, repeat, prepared, unit, train };
          return wanted(state, setting, { ...place, report: SCORED });
        }),
      ),
    );
    return rung === undefined ? whole : partsOf(state, { trial, rung }, whole);
  });
}

/** What a cell's tasks predict. */
const SCORED: Report[] = ["validation"];

/** All tasks of a leading trial on fresh folds, whose numbers go on from those of the search. */
export function freshTasks(state: RunState, trial: number): readonly Wanted[] {
  return remember(state, `fresh ${trial}`, true, () => {
    const setting = settingOf(state, trial);
    const ensemble = setting.search?.each === "ensemble" ? setting.ensemble : undefined;
    const { train } = setting;
    const { folds, fresh = [] } = state.data;
    return fresh.flatMap((prepared, index) =>
      unitsOf(ensemble).map((unit) => {
        const fold = folds.length + index;
        const place = { trial, setting: trial, fold, repeat: 0, prepared, unit, train };
        return wanted(state, setting, { ...place, report: SCORED });
      }),
    );
  });
}

/** The same up to a rung, from where the trial's rung before ended. */
function partsOf(state: RunState, { trial, rung }: Cell, whole: readonly Wanted[]): Wanted[] {
  const rungs = rungsOf(state.experiment) ?? [];
  const isWhole = rungs.length < 2;
  const until = rungs[rung] ?? 1;
  const decisions = decisionsOf(state);
  const before = decisions
    ?.placesOf(trial)
    .map((place) => decisions.made[place])
    .findLast((one) => one !== undefined && one.rung < rung);
  const previous = before && tasksOfCell(state, { trial, rung: before.rung });
  return whole.map(({ key, spec }, place) => {
    const earlier = previous?.[place];
    const outcome = earlier && outcomeOf(state, earlier.id);
    const from = outcome && !("code" in outcome) ? outcome.checkpoint : undefined;
    // A training that is over, by failure or by early stopping, stays what it is.
    if (earlier && from === undefined) return { ...earlier, key: { ...key, rung } };
    const part = { until, ...(from && { from }) };
    const ofPart = isWhole ? spec : { ...spec, part };
    return { key: { ...key, rung }, id: taskId(ofPart), spec: ofPart };
  });
}

/** All tasks of the final fit, in task order; none while a search has no best trial. */
export function finalTasks(state: RunState): readonly Wanted[] {
  const final = finalExperiment(state);
  if (!final) return [];
  if (final.ensemble?.fromSearch) return refitTasks(state);
  const best = winningTrial(state);
  const count = membersWanted(final.ensemble, state.weighed);
  const snapshots = final.ensemble?.snapshots;
  // With each result of a training in parts there is one more of them.
  return remember(state, `final ${best?.trial ?? ""} ${count}`, !snapshots, () => {
    const prepared = state.data.final;
    // An objective is no network to keep: what is left to learn is how its best setting does.
    if (final.objective && !final.data.split) return [];
    const scored: Report = final.data.split ? "test" : "train";
    const units = unitsOf(final.ensemble).slice(0, count);
    const train = snapshots ? cyclic(final.train, snapshots) : final.train;
    const whole = units.map((unit) => {
      const report: Report[] = hasOutOfBag(unit.draw) ? ["oob", scored] : [scored];
      const place = { trial: FINAL, setting: best?.trial, fold: 0, repeat: 0, prepared };
      return wanted(state, final, { ...place, unit, train, report });
    });
    return snapshots ? snapshotTasks(state, snapshots, whole) : whole;
  });
}

/** Tasks of the final fit that follow from results of others of its tasks. */
function waitingParts(state: RunState): number {
  const ensemble = finalExperiment(state)?.ensemble;
  if (!ensemble?.snapshots) return 0;
  return membersWanted(ensemble, state.weighed) - finalTasks(state).length;
}

/** The tasks of a learning curve, after those of the final fit whose parts of the rows they have. */
export function curveTasks(state: RunState): readonly Wanted[] {
  const final = finalExperiment(state);
  if (!final?.ensemble?.learningCurve || !final.data.split) return [];
  const best = winningTrial(state);
  return remember(state, `curve ${best?.trial ?? ""}`, true, () => {
    const prepared = state.data.final;
    const { train } = final;
    const place = { trial: FINAL, setting: best?.trial, fold: 0, repeat: 0, prepared, train };
    return curveUnits(final.ensemble).map((unit) => {
      const task = wanted(state, final, { ...place, unit, report: ["test"] });
      return { ...task, key: { ...task.key, repeat: 1 + unit.group } };
    });
  });
}

/**
 * The experiment that the final fit trains: with the best trial's setting, and, for one net, the
 * number of epochs after which the best trial's nets stopped (DESIGN, decision 9).
 */
export function finalExperiment(state: RunState): Experiment | undefined {
  const { experiment } = state;
  if (!experiment.search) return experiment;
  const best = winningTrial(state);
  if (!best) return undefined;
  const setting = settingOf(state, best.trial);
  return setting.ensemble ? setting : fittedAnew(setting, best.epoch);
}

/** One net's experiment, trained for the epochs after which the trial's nets stopped. */
function fittedAnew(setting: Experiment, epoch: number | null): Experiment {
  if (!setting.train.earlyStopping || epoch === null) return setting;
  const { earlyStopping: _, ...train } = setting.train;
  // Its learning rates are those of the trial's first epochs, not a whole schedule in fewer.
  const horizon =
    "constant" in train.schedule && !train.momentumSchedule
      ? {}
      : { horizon: train.horizon ?? train.epochs };
  return { ...setting, train: { ...train, epochs: epoch, ...horizon } };
}

/**
 * The settings of an ensemble from the search that are trained anew, in order; the best trial's is
 * the last where it is no member, to be compared with. None where the networks are those there are.
 */
export function refitTrials(state: RunState): number[] {
  const { chosen } = state;
  if (!chosen || !isSearched(state)) return [];
  const trials = chosen.members.map(({ trial }) => trial);
  const best = standings(state)[0]?.trial ?? 0;
  return trials.includes(best) ? trials : [...trials, best];
}

function refitTasks(state: RunState): readonly Wanted[] {
  const trials = refitTrials(state);
  return remember(state, `refit ${trials.join()}`, true, () =>
    trials.map((trial, index) => {
      const epoch = standings(state).find((one) => one.trial === trial)?.epoch ?? null;
      const setting = fittedAnew(settingOf(state, trial), epoch);
      const place = {
        trial: FINAL,
        setting: trial,
        fold: 0,
        repeat: 0,
        prepared: state.data.final,
      };
      const [unit] = unitsOf(undefined) as [Unit];
      const report: Report[] = [setting.data.split ? "test" : "train"];
      // The same training as the setting's alone; only its place tells the members apart.
      const task = wanted(state, setting, { ...place, unit, train: setting.train, report });
      return { ...task, key: { ...task.key, unit: index } };
    }),
  );
}

/** A trial whose networks may become members. */
export interface KeptTrial {
  readonly trial: number;
  readonly wanted: readonly Wanted[];
}

/** The trials that an ensemble is chosen from, the best first; none before all are assessed. */
export function keptTrials(state: RunState): KeptTrial[] {
  const spec = state.experiment.ensemble?.fromSearch;
  if (!spec || !isSearched(state)) return [];
  return standings(state)
    .slice(0, spec.among)
    .map(({ trial, rung }) => {
      const cell = rung === undefined ? { trial } : { trial, rung };
      return { trial, wanted: tasksOfCell(state, cell) };
    });
}

/** Their tasks, whose results are needed to the end: what is lost of them is done again. */
function keptTasks(state: RunState): Wanted[] {
  return keptTrials(state).flatMap(({ wanted }) => [...wanted]);
}

/** Everything the experiment wants, in task order, as far as it is known by now. */
export function allTasks(state: RunState): Wanted[] {
  const cells = Array.from({ length: cellCount(state) }, (_, place) =>
    tasksOfCell(state, cellAt(state, place)),
  );
  const fresh = leadersOf(state).map(({ trial }) => freshTasks(state, trial));
  return [...cells.flat(), ...fresh.flat(), ...finalTasks(state), ...curveTasks(state)];
}

/** Tasks whose results are still to be read: of what is not assessed yet, and of the final fit. */
export function neededTasks(state: RunState): Wanted[] {
  const cells = Array.from({ length: cellCount(state) }, (_, place) =>
    assessmentAt(state, place) ? [] : tasksOfCell(state, cellAt(state, place)),
  );
  const fresh = leadersOf(state).map(({ trial }) =>
    state.confirmed.has(trial) ? [] : freshTasks(state, trial),
  );
  const final = [...finalTasks(state), ...curveTasks(state)];
  return [...cells.flat(), ...fresh.flat(), ...final, ...keptTasks(state)];
}

/**
 * Number of tasks that wait for results: those of trials without a setting, as many for each as the
 * first has, and parts of trainings.
 */
export function waitingTasks(state: RunState): number {
  const trials = isSearched(state) ? 0 : trialCount(state.experiment);
  // Nobody knows how many a budget allows.
  const waiting = Number.isFinite(trials) ? Math.max(0, trials - proposedTrials(state)) : 0;
  const cells = waiting === 0 ? 0 : waiting * tasksOfCell(state, cellAt(state, 0)).length;
  return cells + waitingFresh(state) + waitingParts(state);
}

/** Tasks of a trial, or of a trial's way to a rung. */
export function tasksPerCell({ experiment: { search, ensemble } }: RunState): number {
  if (!search) return 0;
  return cellsPerTrial(search) * unitsOf(search.each === "ensemble" ? ensemble : undefined).length;
}

/** Tasks of leading trials, as long as it is open which trials lead. */
function waitingFresh(state: RunState): number {
  const { search, ensemble } = state.experiment;
  if (!search?.confirm || isSearched(state)) return 0;
  const leaders = Math.min(search.confirm.trials, trialCount(state.experiment));
  const units = unitsOf(search.each === "ensemble" ? ensemble : undefined).length;
  return leaders * (state.data.fresh?.length ?? 0) * units;
}

/** A line for people whose search keeps fewer slots busy than they have; see `search.lag`. */
export function idleNote(state: RunState, slots: number): string | undefined {
  const { search, ensemble } = state.experiment;
  const step = ensemble?.stop?.step ?? Infinity;
  if (!search && slots > step) {
    return `${slots - step} of ${slots} slots stay idle while the bag grows: ensemble.stop.step ${step} members are trained at a time. A larger step would use all; it looks less often.`;
  }
  if (!search || isFree(state) || !(isAdaptive(search) || decisionsOf(state))) return undefined;
  const cells = tasksOfCell(state, cellAt(state, 0)).length;
  const busy = (search.lag + 1) * cells;
  if (slots <= busy) return undefined;
  return `${slots - busy} of ${slots} slots stay idle while the search learns: with search.lag ${search.lag} at most ${search.lag + 1} trials run at once. A lag of ${Math.ceil(slots / cells) - 1} would use all; it changes which settings are tried.`;
}

interface Place {
  trial: number;
  /** The trial whose setting it is; undefined without a search. */
  setting: number | undefined;
  fold: number;
  repeat: number;
  prepared: PreparedTable;
  unit: Unit;
  train: TrainSpec;
  report: Report[];
}

function wanted(state: RunState, experiment: Experiment, place: Place): Wanted {
  const { trial, fold, repeat, unit, setting, prepared } = place;
  const { seed, objective } = experiment;
  const of = { data: prepared.table, seed, fold, repeat };
  const params = setting === undefined ? undefined : paramsOf(state, setting);
  const spec: TaskSpec = objective
    ? objectiveTask(state, objective, {
        ...of,
        target: prepared.preprocessing.target,
        params: params ?? {},
      })
    : {
        version: 1,
        kind: "train",
        variant: state.created.variant,
        ...of,
        model: experiment.model,
        train: place.train,
        draw: unit.draw,
        member: unit.training ?? unit.member,
        report: place.report,
      };
  const key: TaskKey = { trial, fold, repeat, rung: 0, unit: unit.member };
  return { key, id: taskId(spec), spec };
}

/**
 * Expansions of a state's experiment, remembered until it grows: they cost a hash per task, and
 * `plan` asks for them after every result.
 */
interface Expansions {
  readonly experiment: Experiment;
  readonly tasks: Map<string, readonly Wanted[]>;
}

const expansions = new WeakMap<RunState, Expansions>();

function remember(
  state: RunState,
  name: string,
  keep: boolean,
  expand: () => Wanted[],
): readonly Wanted[] {
  const { experiment } = state;
  let known = expansions.get(state);
  if (known?.experiment !== experiment) {
    known = { experiment, tasks: new Map() };
    expansions.set(state, known);
  }
  const found = known.tasks.get(name) ?? expand();
  if (keep) known.tasks.set(name, found);
  else known.tasks.delete(name);
  return found;
}
