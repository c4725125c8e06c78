/** A trial on its way to a rung: what one decision starts. */
export interface Cell {
  readonly trial: number;
  /** Which of the rungs its epochs end at, from 0. */
  readonly rung: number;
}

/** What to do next, by what is known. */
export type Move =
  | { readonly kind: "go"; readonly cell: Cell }
  /** A new trial, on its way to a rung. */
  | { readonly kind: "new"; readonly rung: number }
  /** Nothing, unless more becomes known. */
  | { readonly kind: "wait" };

/**
 * A scheduler at work on one search. Its moves are a function of what it was told and of its earlier
 * moves alone.
 */
export interface Pacer {
  /** Takes in a cell's result, lower is better, null for a failure; in the order of decisions. */
  tell(cell: Cell, value: number | null): void;
  next(): Move;
  /** How a cell that was told stands, or stood when it went on; undefined for one that was not told. */
  verdict(cell: Cell): Verdict | undefined;
}

/** Why a trial went on from a rung, or rests there. */
export interface Verdict {
  readonly goesOn: boolean;
  /** Its place among the results known at the rung, from 1; how many there were, and how many went on. */
  readonly rank?: number;
  readonly among?: number;
  readonly quota?: number;
  /** Its best value so far and the median that it was held against; lower is better. */
  readonly value?: number;
  readonly median?: number;
}

/** A cell as a key of a map. */
export const nameOfCell = ({ trial, rung }: Cell): string => `${trial} ${rung}`;

/** What a scheduler lays its rungs out for. */
export interface Distance {
  /** Epochs of a training that nobody stops. */
  readonly epochs: number;
  /** New trials at most. */
  readonly trials: number;
}

export interface SchedulerRule<Settings = object> {
  /** Epochs at which trials pause, ascending; the last is the end. */
  rungs(settings: Settings, epochs: number): number[];
  begin(settings: Settings, distance: Distance): Pacer;
  /** How many trials it takes, where that follows from the epochs: a multiple of this number. */
  trials?(settings: Settings, epochs: number): number;
  /** The plan as rows of text, headings first. */
  table(settings: Settings, distance: Distance): string[][];
}

/**
 * min, min eta, min eta^2, ... up to the end, which takes the place of the last one: in whole
 * numbers, since logarithms miss powers (search.md 4.0).
 */
export function geometricRungs(min: number, eta: number, epochs: number): number[] {
  const rungs: number[] = [];
  for (let rung = min; rung <= epochs; rung *= eta) rungs.push(rung);
  return [...rungs.slice(0, -1), epochs];
}

/** The rank order of results: by value, of equals the earlier trial first, failures last. */
export function byValue(
  a: { readonly trial: number; readonly value: number | null },
  b: { readonly trial: number; readonly value: number | null },
): number {
  const [x, y] = [a.value ?? Infinity, b.value ?? Infinity];
  return x === y ? a.trial - b.trial : x - y;
}
