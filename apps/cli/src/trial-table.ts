import type { Span, TrialRow } from "@manyfold/protocol";

/** A table as a CSV file has it. */
export interface TrialTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

interface Work {
  seconds: number;
  attempts: number;
  started: number;
  ended: number;
}

/**
 * Trials as rows: number, state, value, its standard error, epochs, seconds of work over all its
 * attempts, when the first began and the last ended (seconds since the run began), then its
 * parameters under their names. An empty cell stands for what is not known, or does not count.
 */
export function trialTable(trials: readonly TrialRow[], spans: readonly Span[]): TrialTable {
  const work = new Map<number, Work>();
  for (const { key, from, to } of spans) {
    const known = work.get(key.trial) ?? { seconds: 0, attempts: 0, started: from, ended: to };
    known.seconds += to - from;
    known.attempts += 1;
    known.started = Math.min(known.started, from);
    known.ended = Math.max(known.ended, to);
    work.set(key.trial, known);
  }
  const names = [...new Set(trials.flatMap(({ params }) => Object.keys(params)))];
  const cell = (value: string | number | boolean | null | undefined) =>
    value === null || value === undefined ? "" : String(value);
  const seconds = (value: number | undefined) => (value === undefined ? "" : value.toFixed(3));
  return {
    header: [
      "trial",
      "state",
      "value",
      "standard_error",
      "epochs",
      "attempts",
      "seconds",
      "started",
      "ended",
      ...names,
    ],
    rows: trials.map(({ trial, state, value, standardError, epochs, params }) => {
      const own = work.get(trial);
      return [
        String(trial),
        state,
        cell(value),
        cell(standardError),
        cell(epochs),
        cell(own?.attempts),
        seconds(own?.seconds),
        seconds(own?.started),
        seconds(own?.ended),
        ...names.map((name) => cell(params[name])),
      ];
    }),
  };
}
