import type { SearchResult, TrialRow } from "@manyfold/protocol";
import { count } from "../format.ts";
import { extent, wantsLog, type Extent } from "../plot.ts";

/** A trial that has a value. */
export interface Scored extends TrialRow {
  readonly value: number;
}

/** Trials with values, in the order they were proposed. */
export function scoredTrials({ trials }: Pick<SearchResult, "trials">): Scored[] {
  return trials.flatMap((trial) =>
    trial.value === null ? [] : [{ ...trial, value: trial.value }],
  );
}

/** The same, best first; of equals, the one proposed first. */
export function rankedTrials(search: Pick<SearchResult, "trials" | "direction">): Scored[] {
  const sign = search.direction === "minimise" ? 1 : -1;
  return scoredTrials(search).sort((a, b) => sign * (a.value - b.value) || a.trial - b.trial);
}

/** Of the values beyond the worst quarter, those farther off than this many of the middle half's width. */
const FENCE = 4;

/**
 * Range of the values, logarithmic where they span much. A few that are far worse than the others
 * are left outside: they would press all that matters into a line.
 */
export function valueExtent(search: Pick<SearchResult, "trials" | "direction">): Extent {
  const values = rankedTrials(search).map(({ value }) => value);
  if (wantsLog(values)) return extent(values, { log: true });
  const at = (share: number) => values[Math.round(share * (values.length - 1))] ?? 0;
  const limit = at(0.75) + FENCE * (at(0.75) - at(0.25));
  const inside = values.filter((value) =>
    search.direction === "minimise" ? value <= limit : value >= limit,
  );
  return extent(inside.length >= 0.75 * values.length ? inside : values);
}

/** A value, or the end of the range that it lies beyond. */
export function within(value: number, { low, high }: Extent): number {
  return Math.min(Math.max(value, low), high);
}

/** How many trials a range leaves outside, as a sentence. */
export function outsideNote(scored: readonly Scored[], { low, high }: Extent): string {
  const outside = scored.filter(({ value }) => value < low || value > high).length;
  if (outside === 0) return "";
  return ` ${count(outside)} far worse ${outside === 1 ? "one lies" : "ones lie"} outside the picture.`;
}

export interface Thinned {
  /** In the order they were proposed. */
  readonly shown: readonly Scored[];
  /** What was left out, as a sentence; empty where nothing was. */
  readonly note: string;
}

/**
 * Of many trials some to draw: a quarter of the places for the best, the others spread evenly.
 *
 * @param range what lies outside is not drawn
 */
export function thinnedTrials(
  search: Pick<SearchResult, "trials" | "direction">,
  most: number,
  { low, high }: Pick<Extent, "low" | "high"> = { low: -Infinity, high: Infinity },
): Thinned {
  const ranked = rankedTrials(search).filter(({ value }) => value >= low && value <= high);
  if (ranked.length <= most) {
    return { shown: ranked.sort((a, b) => a.trial - b.trial), note: "" };
  }
  const best = Math.ceil(most / 4);
  const others = ranked.slice(best).sort((a, b) => a.trial - b.trial);
  const step = Math.ceil(others.length / (most - best));
  const kept = [...ranked.slice(0, best), ...others.filter((_, at) => at % step === 0)];
  return {
    shown: kept.sort((a, b) => a.trial - b.trial),
    note: ` Drawn are the best ${count(best)} and one in ${count(step)} of the others.`,
  };
}
