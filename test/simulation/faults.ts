import type { Weather } from "./network.ts";
import type { Random } from "./random.ts";

/** One thing that goes wrong, at a moment of virtual milliseconds. */
export type Fault = { readonly at: number } & (
  | { readonly kind: "worker killed"; readonly worker: number; readonly back: number }
  | { readonly kind: "worker stopped"; readonly worker: number; readonly for: number }
  | { readonly kind: "worker drained"; readonly worker: number; readonly back: number }
  | { readonly kind: "worker joins" }
  | {
      readonly kind: "coordinator killed";
      readonly takeover: number;
      readonly elsewhere: boolean;
    }
  /** Stopped, taken over meanwhile, and back. */
  | {
      readonly kind: "coordinator stopped";
      readonly for: number;
      readonly takeover: number | undefined;
      readonly elsewhere: boolean;
      /** Without waiting for the lease. */
      readonly takesOver: boolean;
    }
  | { readonly kind: "server restarted"; readonly for: number; readonly power: boolean }
  | { readonly kind: "link cut"; readonly who: number; readonly for: number }
  | { readonly kind: "clock set"; readonly who: number; readonly by: number }
  | { readonly kind: "stream full"; readonly stream: number; readonly for: number }
);

/** What a seed makes happen. */
export interface Plan {
  readonly subject: number;
  readonly workers: number;
  readonly slots: number;
  /** Longest training, in milliseconds. */
  readonly training: number;
  readonly weather: Weather;
  readonly faults: readonly Fault[];
}

/** Milliseconds in which things go wrong; after them the weather is calm. */
export const STORM = 8000;

/** The workers 0, 1, ...; -1 is the coordinator. */
const anybody = (random: Random, workers: number) => random.below(workers + 1) - 1;

type Kind = Fault["kind"];
type Rule = (random: Random, workers: number) => object;

/** A row per kind of fault: how it is drawn. */
const RULES: { readonly [K in Kind]: Rule } = {
  "worker killed": (random, workers) => ({
    worker: random.below(workers),
    back: random.between(10, 3000),
  }),
  "worker stopped": (random, workers) => ({
    worker: random.below(workers),
    for: random.between(100, 8000),
  }),
  "worker drained": (random, workers) => ({
    worker: random.below(workers),
    back: random.between(10, 3000),
  }),
  "worker joins": () => ({}),
  "coordinator killed": (random) => ({
    takeover: random.between(10, 3000),
    elsewhere: random.chance(0.5),
  }),
  "coordinator stopped": (random) => {
    const lasts = random.between(100, 8000);
    const takeover = random.chance(0.6) ? random.between(10, lasts) : undefined;
    return { for: lasts, takeover, elsewhere: random.chance(0.7), takesOver: random.chance(0.5) };
  },
  "server restarted": (random) => ({
    for: random.between(20, 3000),
    power: random.chance(0.3),
  }),
  "link cut": (random, workers) => ({
    who: anybody(random, workers),
    for: random.between(100, 8000),
  }),
  "clock set": (random, workers) => ({
    who: anybody(random, workers),
    by: random.between(-1, 1) * 86_400_000,
  }),
  "stream full": (random) => ({ stream: random.below(5), for: random.between(100, 4000) }),
};
const KINDS = Object.keys(RULES) as Kind[];

/** Draws what happens in a schedule. */
export function planOf(random: Random, subjects: number): Plan {
  const workers = 1 + random.below(3);
  const stormy = random.chance(0.5);
  const most = stormy ? 0.03 : 0;
  const faults = Array.from({ length: random.below(5) }, () => {
    const kind = random.pick(KINDS) ?? "worker joins";
    return { kind, at: random.between(0, STORM), ...RULES[kind](random, workers) } as Fault;
  });
  return {
    subject: random.below(subjects),
    workers,
    slots: 1 + random.below(2),
    training: random.chance(0.3) ? 50 : 2500,
    weather: {
      drop: random.unit() * most,
      duplicate: random.unit() * most,
      reorder: random.unit() * most,
    },
    faults: faults.toSorted((a, b) => a.at - b.at),
  };
}

/** A fault as people read it. */
export function describeFault({ at, kind, ...rest }: Fault): string {
  const details = Object.entries(rest).map(
    ([name, value]) => `${name} ${typeof value === "number" ? Math.round(value) : String(value)}`,
  );
  return [`${Math.round(at)} ms: ${kind}`, ...details].join(", ");
}
