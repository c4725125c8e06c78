import { atOnce } from "./asha.ts";
import type { SchedulerRule } from "./scheduler.ts";

interface Settings {
  readonly every: number;
  readonly startup: number;
  readonly warmUp: number;
}

/**
 * The median rule: a trial stops where its best value so far is worse than the median of what
 * finished trials had at the same epoch (Golovin et al. 2017, as in Optuna).
 */
export const median: SchedulerRule<Settings> = {
  rungs,
  begin: (settings, { epochs, trials }) => {
    const ends = rungs(settings, epochs);
    const values = new Map<number, number[]>();
    const finished: number[][] = [];
    return atOnce(trials, ends.length, ({ trial, rung }, value) => {
      const own = values.get(trial) ?? [];
      own.push(value);
      values.set(trial, own);
      if (rung === ends.length - 1) finished.push(own);
      if (finished.length < settings.startup || (ends[rung] ?? 0) <= settings.warmUp) {
        return { goesOn: true };
      }
      const there = finished.map((one) => one[rung] ?? Infinity).toSorted((a, b) => a - b);
      const half = there.length / 2;
      const middle = ((there[Math.ceil(half) - 1] ?? 0) + (there[Math.floor(half)] ?? 0)) / 2;
      const best = Math.min(...own);
      return { goesOn: best <= middle, value: best, median: middle };
    });
  },
  table: (settings, { epochs, trials }) => [
    ["looks at epochs", "trials"],
    [rungs(settings, epochs).join(" "), Number.isFinite(trials) ? String(trials) : "any number"],
  ],
};

function rungs({ every }: Settings, epochs: number): number[] {
  const looks: number[] = [];
  for (let epoch = every; epoch < epochs; epoch += every) looks.push(epoch);
  return [...looks, epochs];
}
