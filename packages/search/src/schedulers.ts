import { tagOf, type Scheduler, type SearchSpec } from "@manyfold/protocol";
import { asha } from "./asha.ts";
import { hyperband } from "./hyperband.ts";
import { median } from "./median.ts";
import type { Distance, Pacer, SchedulerRule } from "./scheduler.ts";

type KeysOf<Union> = Union extends unknown ? keyof Union & string : never;
export type SchedulerName = Exclude<KeysOf<Scheduler>, "none">;
type SettingsOf<Name extends SchedulerName> =
  Extract<Scheduler, Record<Name, unknown>> extends Record<Name, infer Settings> ? Settings : never;

/** All schedulers. A new one is an option of the protocol's `Scheduler` and a row here. */
const schedulers: {
  readonly [Name in SchedulerName]: SchedulerRule<SettingsOf<Name>>;
} = { asha, median, hyperband };

/** A search's scheduler; undefined where every trial is trained to the end. */
export function schedulerOf({ scheduler }: Pick<SearchSpec, "scheduler">):
  | {
      rungs(epochs: number): number[];
      begin(distance: Distance): Pacer;
      trials(epochs: number): number | undefined;
      table(distance: Distance): string[][];
    }
  | undefined {
  if (scheduler === undefined) return undefined;
  const name = tagOf(scheduler);
  if (name === "none") return undefined;
  const rule = schedulers[name] as SchedulerRule<never>;
  const settings = (scheduler as Record<SchedulerName, never>)[name];
  return {
    rungs: (epochs) => rule.rungs(settings, epochs),
    begin: (distance) => rule.begin(settings, distance),
    trials: (epochs) => rule.trials?.(settings, epochs),
    table: (distance) => rule.table(settings, distance),
  };
}
