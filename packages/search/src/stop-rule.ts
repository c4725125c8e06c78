import { ManyfoldError, tagOf, type Scheduler } from "@manyfold/protocol";
import { geometricRungs } from "./scheduler.ts";

/** Values by steps, ascending, lower is better. */
type Curve = readonly (readonly [step: number, value: number])[];

/** A trial whose results are known. */
interface Past {
  /** Whether it did not fail. */
  readonly isDone: boolean;
  readonly reports: Curve;
}

/** Whether a trial should end after its last report, by those that it sees. */
export type StopRule = (own: Curve, past: readonly Past[]) => boolean;

const lossOf = (value: number | undefined): number =>
  value === undefined || Number.isNaN(value) ? Infinity : value;

const at = (curve: Curve, step: number): number | undefined => {
  const found = curve.find(([one]) => one === step);
  return found && lossOf(found[1]);
};

/**
 * The rule that a scheduler has for a loop which can end trials but not take them up again:
 * `median` (Golovin et al. 2017) and `asha` with `mode: stop` (Optuna's rule); search.md, 4.3 and 4.5.
 *
 * @throws ManyfoldError for a scheduler that has trials go on later
 */
export function stopRule(scheduler: Scheduler | undefined): StopRule | undefined {
  if (scheduler === undefined || "none" in scheduler) return undefined;
  if ("median" in scheduler) {
    const { every, startup, warmUp } = scheduler.median;
    return (own, past) => {
      const step = own.at(-1)?.[0];
      if (step === undefined || step <= warmUp || step % every !== 0) return false;
      const there = past
        .filter(({ isDone }) => isDone)
        .flatMap(({ reports }) => at(reports, step) ?? [])
        .toSorted((a, b) => a - b);
      if (there.length < startup) return false;
      const half = there.length / 2;
      const middle = ((there[Math.ceil(half) - 1] ?? 0) + (there[Math.floor(half)] ?? 0)) / 2;
      return Math.min(...own.map(([, value]) => lossOf(value))) > middle;
    };
  }
  if ("asha" in scheduler && scheduler.asha.mode === "stop") {
    const { min, eta } = scheduler.asha;
    return (own, past) => {
      const [step, value] = own.at(-1) ?? [0, 0];
      if (!geometricRungs(min, eta, step * eta).includes(step) || step < min) return false;
      const there = past.flatMap(({ reports }) => at(reports, step) ?? []);
      const better = there.filter((one) => one < lossOf(value)).length;
      return better >= Math.max(1, Math.floor((there.length + 1) / eta));
    };
  }
  throw new ManyfoldError({
    code: "usage",
    path: "scheduler",
    condition: "median, or asha with mode: stop, for a loop of one's own",
    got: tagOf(scheduler),
    help: "The others take trials up again, which manyfold run does.",
  });
}
