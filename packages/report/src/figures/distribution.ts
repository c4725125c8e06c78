import * as Plot from "@observablehq/plot";
import type { SearchInsight, SearchResult } from "@manyfold/protocol";
import { number, percent } from "../format.ts";
import { html, type Html } from "../html.ts";
import { axis, chart, colour, figure, type Size } from "../plot.ts";
import { valueExtent, within } from "./scored.ts";

type Point = SearchInsight["distribution"][number];

/** How large a share of the trials is at least so good. */
export function valueDistribution(search: SearchResult): Html | null {
  const range = valueExtent(search);
  const points = search.insight?.distribution ?? [];
  const shown = points.filter(({ value }) => within(value, range) === value);
  if (shown.length < 3) return null;
  const at = (share: number) => points.find((point) => point.share >= share) ?? points.at(-1);
  const marked = [0.1, 0.5].flatMap((share) => at(share) ?? []);
  const word = search.direction === "minimise" ? "at most" : "at least";
  const draw = ({ narrow }: Size): Plot.PlotOptions => ({
    marginTop: 28,
    marginBottom: 44,
    marginLeft: 56,
    marginRight: 24,
    x: {
      ...axis(range, `${search.metric}${range.log ? " (log scale)" : ""}`),
      labelAnchor: "center",
      ticks: narrow ? 4 : 8,
    },
    y: {
      label: `share of trials with ${word} that`,
      labelArrow: "none",
      domain: [0, 1],
      grid: true,
      ticks: 5,
      tickFormat: "%",
    },
    marks: [
      Plot.line(shown, {
        x: "value",
        y: "share",
        curve: search.direction === "minimise" ? "step-after" : "step-before",
        stroke: colour("measured"),
        strokeWidth: 2.5,
      }),
      Plot.dot(marked, { x: "value", y: "share", r: 4, fill: colour("law") }),
      Plot.text(marked, {
        x: "value",
        y: "share",
        text: ({ share, value }: Point) => `${percent(share, 0)}: ${number(value)}`,
        textAnchor: "start",
        dx: 9,
        dy: 6,
        fill: colour("law"),
      }),
    ],
  });
  const [tenth, half] = marked;
  const caption = html`How the values are distributed over all trials: half of them reached
  ${number(half?.value ?? 0)} or better, one of ten ${number(tenth?.value ?? 0)} or better. A curve
  that rises steeply at the good end says that many settings are about as good as the best.`;
  return figure(chart(`Share of trials by ${search.metric}`, draw), caption);
}
