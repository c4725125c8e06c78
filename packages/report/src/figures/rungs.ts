import * as Plot from "@observablehq/plot";
import type { SearchResult } from "@manyfold/protocol";
import { count, counted } from "../format.ts";
import { html, type Html } from "../html.ts";
import { axis, chart, colour, figure, key, type Size } from "../plot.ts";
import { thinnedTrials, valueExtent, within } from "./scored.ts";

/** Lines drawn at most. */
const most = 240;

interface Look {
  readonly trial: number;
  readonly epochs: number;
  readonly value: number;
}

/** With a scheduler: the value of each trial at each look, over the epochs trained by then. */
export function rungCurves(search: SearchResult): Html | null {
  const looksOf = ({ trial, rungs = [] }: SearchResult["trials"][number]): Look[] =>
    rungs.flatMap(({ epochs, value }) => (value === null ? [] : [{ trial, epochs, value }]));
  const all = search.trials.map(looksOf).filter((looks) => looks.length > 0);
  const ends = [...new Set(all.flat().map(({ epochs }) => epochs))].sort((a, b) => a - b);
  if (ends.length < 2) return null;
  const values = all.flat().map(({ trial, value }) => ({ trial, value }));
  const range = valueExtent({
    direction: search.direction,
    trials: values.map(({ trial, value }) => ({
      trial,
      value,
      params: {},
      standardError: null,
      state: "completed",
    })),
  });
  const { shown, note } = thinnedTrials(search, most);
  const inside = (looks: readonly Look[]) =>
    looks.map((look) => ({ ...look, value: within(look.value, range) }));
  const lines = inside(shown.flatMap(looksOf));
  const best = search.trials.filter(({ trial }) => trial === search.best?.trial).flatMap(looksOf);
  const word = search.direction === "minimise" ? "lower" : "higher";
  const draw = ({ narrow }: Size): Plot.PlotOptions => ({
    marginTop: 28,
    marginBottom: 44,
    marginLeft: 56,
    marginRight: 24,
    x: {
      type: (ends.at(-1) ?? 1) > 8 * (ends[0] ?? 1) ? "log" : "linear",
      label: "epochs trained",
      labelArrow: "none",
      labelAnchor: "center",
      ticks: narrow ? ends.slice(-5) : ends.slice(-12),
      tickFormat: (epochs: number) => count(epochs),
    },
    y: {
      ...axis(range, `${search.metric}, ${word} is better${range.log ? " (log scale)" : ""}`),
      grid: true,
      ticks: 5,
    },
    marks: [
      Plot.line(lines, {
        x: "epochs",
        y: "value",
        z: "trial",
        stroke: colour("measured"),
        strokeWidth: 0.8,
        strokeOpacity: 0.5,
      }),
      Plot.dot(lines, {
        x: "epochs",
        y: "value",
        r: 1.8,
        fill: colour("measured"),
        fillOpacity: 0.6,
      }),
      Plot.line(inside(best), {
        x: "epochs",
        y: "value",
        stroke: colour("best"),
        strokeWidth: 2.5,
      }),
      Plot.dot(inside(best), { x: "epochs", y: "value", r: 3.5, fill: colour("best") }),
    ],
  });
  const reached = (epochs: number) =>
    all.filter((looks) => looks.some((look) => look.epochs === epochs)).length;
  const [first = 0, last = 0] = [ends[0], ends.at(-1)];
  const caption = html`What each trial was worth after so many epochs; a line ends where the
  scheduler let the trial rest. Of ${counted(reached(first), "trial")} at ${count(first)} epochs,
  ${count(reached(last))} came to ${count(last)}. Lines that cross say that the first epochs are a
  poor guide to the last.${note}`;
  return figure(
    chart(`${search.metric} of trials over the epochs trained`, draw),
    caption,
    key([
      { mark: "line", colour: "measured", text: "a trial" },
      { mark: "line", colour: "best", text: "the best" },
    ]),
  );
}
