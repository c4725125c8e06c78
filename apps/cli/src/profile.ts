import { PARTS, peakRate, type Profile } from "@manyfold/core";
import type { Clock, Journal, RunProfile, Variant } from "@manyfold/protocol";

/** Collects where a session's time goes. */
export interface Profiler {
  /** What a completed task measured, and the seconds it took altogether. */
  readonly task: (profile: Profile, seconds: number) => void;
  /** The journal with a clock around its records. */
  journal(journal: Journal): Journal;
  /** All that was found, at the end of the session. */
  end(slots: number, variant: Variant): RunProfile;
}

/** Starts the clock of a session. */
export function startProfiler(clock: Clock): Profiler {
  const begun = clock.monotonic();
  const seconds = {
    gemm: 0,
    elementwise: 0,
    loss: 0,
    optimizer: 0,
    gather: 0,
    rest: 0,
    waiting: 0,
  };
  let operations = 0;
  let journaled = 0;
  return {
    task(profile, took) {
      operations += profile.operations;
      let named = 0;
      for (const part of PARTS) {
        seconds[part] += profile.milliseconds[part] / 1000;
        named += profile.milliseconds[part] / 1000;
      }
      // What a task does besides its training: drawing its rows, predicting, handing over.
      seconds.rest += Math.max(0, took - named);
    },
    journal: (journal) => ({
      read: (from) => journal.read(from),
      close: () => journal.close(),
      async append(expected, records) {
        const from = clock.monotonic();
        try {
          return await journal.append(expected, records);
        } finally {
          journaled += (clock.monotonic() - from) / 1000;
        }
      },
    }),
    end(slots, variant) {
      const wall = (clock.monotonic() - begun) / 1000;
      const busy = PARTS.reduce((sum, part) => sum + seconds[part], 0);
      seconds.waiting = Math.max(0, slots * wall - busy);
      const total = busy + seconds.waiting;
      const { gemm } = seconds;
      return {
        seconds,
        shares: mapped(seconds, (value) => (total > 0 ? value / total : 0)),
        journal: { seconds: journaled, share: wall > 0 ? journaled / wall : 0 },
        gigaflops: gemm > 0 ? operations / gemm / 1e9 : null,
        peak: peakRate(variant, () => clock.monotonic()),
      };
    },
  };
}

function mapped<K extends string>(
  values: { readonly [N in K]: number },
  change: (value: number) => number,
): { [N in K]: number } {
  const entries = Object.entries<number>(values).map(([name, value]) => [name, change(value)]);
  return Object.fromEntries(entries) as { [N in K]: number };
}

const WORDS: { readonly [N in keyof RunProfile["seconds"]]: string } = {
  gemm: "products of matrices, forward and backward",
  elementwise: "activations, biases, dropout and their gradients",
  loss: "softmax and the like",
  optimizer: "updates of the weights",
  gather: "copying the rows of the next batch",
  rest: "the rest of the tasks: drawing rows, predicting, handing over",
  waiting: "slots without a task: starting, analysing, writing the report",
};

/** The profile for people. */
export function profileTable({ seconds, shares, journal, gigaflops, peak }: RunProfile): string {
  const line = (name: string, value: number, share: number, words: string): string =>
    `  ${name.padEnd(12)}${`${(100 * share).toFixed(1)} %`.padStart(8)}${`${value.toFixed(2)} s`.padStart(11)}   ${words}`;
  const names = Object.keys(WORDS) as (keyof RunProfile["seconds"])[];
  const rate = gigaflops?.toFixed(1);
  const share = gigaflops !== null && peak !== null ? gigaflops / peak : null;
  return [
    "",
    "Where the time went, all slots together:",
    ...names.map((name) => line(name, seconds[name], shares[name], WORDS[name])),
    line(
      "journal",
      journal.seconds,
      journal.share,
      "of the session, beside the slots: results made durable",
    ),
    ...(rate === undefined
      ? []
      : [
          `Products ran at ${rate} GFLOP/s a slot${share === null || peak === null ? "" : `, ${(100 * share).toFixed(0)} % of the ${peak.toFixed(1)} measured as this engine's peak`}.`,
        ]),
  ].join("\n");
}
