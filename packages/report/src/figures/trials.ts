import * as Plot from "@observablehq/plot";
import type { SearchResult } from "@manyfold/protocol";
import { count, counted, number } from "../format.ts";
import { html, type Html } from "../html.ts";
import { axis, chart, colour, figure, key, type Size } from "../plot.ts";
import { outsideNote, scoredTrials, thinnedTrials, valueExtent, within } from "./scored.ts";
import type { Scored } from "./scored.ts";

/** Dots drawn at most. */
const most = 600;

/** Where each trial that improved stands, and the end of the search. */
function bestSoFar(search: SearchResult, scored: readonly Scored[]) {
  const better = search.direction === "minimise" ? Math.min : Math.max;
  let reached = search.direction === "minimise" ? Infinity : -Infinity;
  return scored.flatMap(({ trial, value }, at) => {
    const before = reached;
    reached = better(reached, value);
    return reached !== before || at === scored.length - 1 ? [{ trial, reached }] : [];
  });
}

/** Value of each trial in the order they were proposed, and the best so far. */
export function trialHistory(search: SearchResult): Html | null {
  const scored = scoredTrials(search);
  if (scored.length < 2) return null;
  const range = valueExtent(search);
  const soFar = bestSoFar(search, scored).map(({ trial, reached }) => ({
    trial,
    reached: within(reached, range),
  }));
  const { shown, note } = thinnedTrials(search, most, range);
  const valueless = search.trials.filter(({ value }) => value === null);
  const missing = valueless.slice(0, most);
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
      tickFormat: ",d",
    },
    y: {
      ...axis(range, `${search.metric}, ${word} is better${range.log ? " (log scale)" : ""}`),
      grid: true,
      ticks: 5,
    },
    marks: [
      Plot.dot(shown, {
        x: "trial",
        y: "value",
        r: shown.length > 300 ? 1.8 : 3,
        fill: colour("measured"),
        fillOpacity: shown.length > 300 ? 0.65 : 1,
        ...(shown.length <= 300 && {
          title: ({ trial, value }: Scored) => `trial ${trial}: ${number(value)}`,
        }),
      }),
      Plot.line(soFar, {
        x: "trial",
        y: "reached",
        curve: "step-after",
        stroke: colour("law"),
        strokeWidth: 2,
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
  A line that still moves at the right says that more trials may
  pay.${note}${outsideNote(scored, range)}
  ${valueless.length > 0 && `${counted(valueless.length, "trial")} without a value ${valueless.length === 1 ? "is" : "are"} marked by a cross at the foot.`}`;
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
