import type { Clock, Variant } from "@manyfold/protocol";
import type { AnyBeat, BeatMessage } from "./messages.ts";
import { type Names, PROTOCOL } from "./subjects.ts";

/** Milliseconds without a worker after which people are told. */
const LONELY = 8000;
/** Workers of another version that are named. */
const STRANGERS = 8;

interface Heard {
  readonly heard: number;
  readonly slots: number;
  /** Slots that are idle, by its own word. */
  readonly idle: number;
  readonly variants: readonly Variant[];
}

/** The workers that a session hears of. */
export interface Workforce {
  hear(beat: BeatMessage): void;
  /** One that speaks another version gets none of the tasks. */
  hearStranger(beat: AnyBeat): void;
  has(worker: string): boolean;
  /** Slots of those that serve a variant, or of all. */
  slots(variant?: Variant): number;
  /** Slots of theirs that are idle, but for one of them. */
  idle(variant: Variant, but: string | undefined): number;
  /** Forgets those that were not heard since a moment; says which. */
  forgetSilent(since: number): string[];
  /** Tells people, once, of variants that nobody serves. */
  watch(wanted: ReadonlySet<Variant>): void;
}

export function createWorkforce(
  clock: Clock,
  names: Names,
  notice: (text: string) => void,
): Workforce {
  const workers = new Map<string, Heard>();
  /** Workers that speak another version, as people read of them. */
  const strangers = new Map<string, string>();
  let lonelySince: number | undefined;
  const serving = (variant?: Variant) =>
    [...workers].filter(([, { variants }]) => variant === undefined || variants.includes(variant));

  return {
    hear({ worker, slots, variants, running }) {
      const idle = Math.max(0, slots - running.length);
      workers.set(worker, { heard: clock.monotonic(), slots, idle, variants });
    },
    hearStranger({ worker, version, manyfold }) {
      if (strangers.size >= STRANGERS) return;
      strangers.set(worker, `${worker} (protocol v${version}, ${manyfold})`);
    },
    has: (worker) => workers.has(worker),
    slots: (variant) => serving(variant).reduce((sum, [, { slots }]) => sum + slots, 0),
    idle: (variant, but) =>
      serving(variant).reduce((sum, [worker, { idle }]) => sum + (worker === but ? 0 : idle), 0),
    forgetSilent(since) {
      const silent = [...workers].flatMap(([worker, { heard }]) => (heard < since ? [worker] : []));
      for (const worker of silent) workers.delete(worker);
      return silent;
    },
    watch(wanted) {
      const alone = [...wanted].filter((variant) => serving(variant).length === 0);
      if (alone.length === 0) {
        lonelySince = undefined;
        return;
      }
      lonelySince ??= clock.monotonic();
      if (clock.monotonic() - lonelySince < LONELY) return;
      lonelySince = Number.POSITIVE_INFINITY;
      const heard =
        strangers.size === 0 ? "" : ` Of another version: ${[...strangers.values()].join(", ")}.`;
      notice(
        `No worker takes tasks of variant ${alone.join(", ")} (protocol ${PROTOCOL}, namespace ` +
          `${names.namespace}); the run waits.${heard} Start one with: manyfold worker --servers ...`,
      );
    },
  };
}
