import * as Plot from "@observablehq/plot";
import type { SearchResult, TrialRow } from "@manyfold/protocol";
import { count, counted, number } from "../format.ts";
import { html, type Html } from "../html.ts";
import { axis, chart, colour, extent, figure, key, wantsLog, type Size } from "../plot.ts";

/** A trial that has a value. */
export interface Scored extends TrialRow {
  readonly value: number;
}

export function scoredTrials({ trials }: SearchResult): Scored[] {
  return trials.flatMap((trial) =>
    trial.value === null ? [] : [{ ...trial, value: trial.value }],
  );
}

/** Range of the values: without a few that are far off, or logarithmic where they span much. */
export function valueExtent(values: readonly number[]): ReturnType<typeof extent> {
  return extent(values, { log: wantsLog(values) });
}

/** Value of each trial in the order they were proposed, and the best so far. */
export function trialHistory(search: SearchResult): Html | null {
  const scored = scoredTrials(search);
  if (scored.length < 2) return null;
  const better = search.direction === "minimise" ? Math.min : Math.max;
  let reached = search.direction === "minimise" ? Infinity : -Infinity;
  const soFar = scored.map(({ trial, value }) => {
    reached = better(reached, value);
    return { trial, reached };
  });
  const range = valueExtent(scored.map(({ value }) => value));
  const missing = search.trials.filter(({ value }) => value === null);
  const best = scored.filter(({ trial }) => trial === search.best?.trial);
  const [word, aim] = search.direction === "minimise" ? ["lower", "low"] : ["higher", "high"];

  const draw = ({ narrow }: Size): Plot.PlotOptions => ({
    marginTop: 28,
    marginBottom: 44,
    marginLeft: 56,
    marginRight: 24,
    x: {
      label: "trial",
      labelArrow: "none",
      labelAnchor: "center",
      ticks: narrow ? 5 : 10,
      tickFormat: "d",
    },
    y: {
      ...axis(range, `${search.metric}, ${word} is better${range.log ? " (log scale)" : ""}`),
      grid: true,
      ticks: 5,
    },
    marks: [
      Plot.line(soFar, {
        x: "trial",
        y: "reached",
        curve: "step-after",
        stroke: colour("law"),
        strokeWidth: 2,
      }),
      Plot.dot(scored, {
        x: "trial",
        y: "value",
        r: scored.length > 300 ? 1.5 : 3,
        fill: colour("measured"),
        ...(scored.length <= 300 && {
          title: ({ trial, value }: Scored) => `trial ${trial}: ${number(value)}`,
        }),
      }),
      Plot.dot(missing, {
        x: "trial",
        frameAnchor: "bottom",
        symbol: "times",
        r: 4,
        stroke: colour("ink"),
      }),
      Plot.dot(best, {
        x: "trial",
        y: "value",
        r: 7,
        symbol: "diamond",
        fill: colour("best"),
        stroke: colour("paper"),
      }),
    ],
  });

  const found = search.best;
  const caption = html`Each dot is one setting, in the order it was proposed; the line is the best
  so far.
  ${found !== null && html`The best, trial ${count(found.trial)}, reached ${number(found.value)}.`}
  A line that still moves at the right says that more trials may pay.
  ${missing.length > 0 && `${counted(missing.length, "trial")} without a value ${missing.length === 1 ? "is" : "are"} marked by a cross at the foot.`}`;
  return figure(
    chart(
      `${search.metric} of ${counted(scored.length, "trial")} in order, and the best so far (${aim} is good)`,
      draw,
    ),
    caption,
    key([
      { mark: "dot", colour: "measured", text: "a trial" },
      { mark: "line", colour: "law", text: "best so far" },
      { mark: "diamond", colour: "best", text: "the best" },
      ...(missing.length > 0 ? [{ mark: "cross", colour: "ink", text: "no value" } as const] : []),
    ]),
  );
}
