import * as Plot from "@observablehq/plot";
import type { Domain, SearchInsight, SearchResult, Space } from "@manyfold/protocol";
import { count } from "../format.ts";
import { html, type Html } from "../html.ts";
import { axis, chart, colour, figure, key, small } from "../plot.ts";
import { paramText } from "../subject.ts";
import { path } from "../table.ts";
import { listOf } from "./domain.ts";
import { outsideNote, scoredTrials, thinnedTrials, valueExtent, within } from "./scored.ts";
import type { Scored } from "./scored.ts";

/** Parameters drawn at most, the most important first, else in the order of the space. */
const most = 12;
/** Whole numbers up to which each has its tick. */
const fewValues = 8;
/** Dots of one picture at most. */
const mostDots = 300;

/** The axis of a parameter: its own range and scale, or its values side by side. */
function parameterAxis(domain: Domain): Plot.ScaleOptions {
  const label = { label: null, ticks: 4 };
  const values = listOf(domain);
  if (values !== null || !("float" in domain || "int" in domain)) {
    return { ...label, type: "band", domain: (values ?? []).map(paramText), padding: 0.5 };
  }
  const [low, high] = "float" in domain ? domain.float : domain.int;
  const log = domain.scale === "log" && low > 0;
  if ("int" in domain && !log && high - low <= fewValues) {
    const all = Array.from({ length: high - low + 1 }, (_, at) => low + at);
    return { ...label, domain: [low - 0.5, high + 0.5], ticks: all, tickFormat: "d" };
  }
  return {
    ...label,
    domain: [low, high],
    type: log ? "log" : "linear",
    ...(log && { tickFormat: "~g" }),
  };
}

type Bin = SearchInsight["slices"][number]["bins"][number];

/** The value against each parameter: one small chart for each, all with the same value axis. */
export function parameterPlots(search: SearchResult, space: Space): Html | null {
  const scored = scoredTrials(search);
  const ranking = search.importance?.map(({ name }) => name) ?? [];
  const names = [...new Set([...ranking, ...Object.keys(space)])].filter(
    (name) => space[name] !== undefined,
  );
  if (scored.length < 3 || names.length === 0) return null;
  const range = valueExtent(search);
  const { shown, note } = thinnedTrials(search, mostDots, range);
  const best = scored.filter(({ trial }) => trial === search.best?.trial);

  const panels = names.slice(0, most).flatMap((name) => {
    const domain = space[name];
    if (domain === undefined) return [];
    const listed = listOf(domain) !== null;
    const x = ({ params }: Scored) => {
      const value = params[name];
      if (value === undefined) return Number.NaN;
      return listed ? paramText(value) : Number(value);
    };
    const scale = parameterAxis(domain);
    const slice = search.insight?.slices.find((one) => one.name === name);
    const bins = (slice?.bins ?? []).filter(({ median }) => within(median, range) === median);
    const has = (some: readonly Scored[]) => some.filter(({ params }) => name in params);
    const picture = chart(
      `${search.metric} against ${name}`,
      () => ({
        marginTop: 24,
        marginBottom: 28,
        marginLeft: 52,
        marginRight: 22,
        inset: 4,
        x: scale,
        y: { ...axis(range, search.metric), grid: true, ticks: 4 },
        marks: [
          Plot.dot(has(shown), {
            x,
            y: "value",
            r: shown.length > 100 ? 1.8 : 2.5,
            fill: colour("measured"),
            fillOpacity: 0.6,
          }),
          listed
            ? Plot.tickY(bins, {
                x: ({ from }: Bin) => paramText(from),
                y: "median",
                stroke: colour("law"),
                strokeWidth: 2.5,
              })
            : Plot.ruleY(bins, {
                // A single value is no wider than a point: its line reaches a little to both sides.
                x1: ({ from, to }: Bin) => (from === to ? Number(from) - 0.2 : from),
                x2: ({ from, to }: Bin) => (from === to ? Number(to) + 0.2 : to),
                y: "median",
                stroke: colour("law"),
                strokeWidth: 2.5,
              }),
          Plot.dot(has(best), {
            x,
            y: "value",
            r: 6,
            symbol: "diamond",
            fill: colour("best"),
            stroke: colour("paper"),
          }),
        ],
      }),
      small,
    );
    const log = scale.type === "log" ? " (log scale)" : "";
    return [
      html`<div class="panel">
        <h3>${path(name)}${log}</h3>
        ${picture}
      </div>`,
    ];
  });
  const caption = html`The same trials against each parameter by itself, over the range searched. A
  clear slope or valley of the medians shows a parameter that matters; a best setting at the edge of
  a range says that the range should be widened.${note}${outsideNote(scored, range)}
  ${names.length > most && `Shown are the first ${count(most)} of ${count(names.length)} parameters.`}`;
  return figure(
    html`<div class="panels">${panels}</div>`,
    caption,
    key([
      { mark: "dot", colour: "measured", text: "a trial" },
      { mark: "line", colour: "law", text: "median of the trials there" },
      { mark: "diamond", colour: "best", text: "the best" },
    ]),
  );
}
