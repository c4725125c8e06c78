import * as Plot from "@observablehq/plot";
import type { Domain, SearchResult, Space } from "@manyfold/protocol";
import { count } from "../format.ts";
import { html, type Html } from "../html.ts";
import { axis, chart, colour, figure, small } from "../plot.ts";
import { path } from "../table.ts";
import { paramText } from "../subject.ts";
import { scoredTrials, valueExtent, type Scored } from "./trials.ts";

/** Parameters drawn at most, in the order of the space. */
const most = 24;

/** The axis of a parameter: its own range and scale, or its values side by side. */
function parameterAxis(domain: Domain): Plot.ScaleOptions {
  const label = { label: null, ticks: 4 };
  if (!("float" in domain || "int" in domain)) {
    const values =
      "categorical" in domain
        ? domain.categorical
        : "boolean" in domain
          ? [false, true]
          : [domain.constant];
    return { ...label, type: "point", domain: values.map(paramText), padding: 0.5 };
  }
  const [low, high] = "float" in domain ? domain.float : domain.int;
  const log = domain.scale === "log" && low > 0;
  return {
    ...label,
    domain: [low, high],
    type: log ? "log" : "linear",
    ...(log && { tickFormat: "~g" }),
  };
}

/** The value against each parameter: one small chart for each, all with the same value axis. */
export function parameterPlots(search: SearchResult, space: Space): Html | null {
  const scored = scoredTrials(search);
  const names = Object.keys(space);
  if (scored.length < 3 || names.length === 0) return null;
  const range = valueExtent(scored.map(({ value }) => value));
  const best = scored.filter(({ trial }) => trial === search.best?.trial);

  const panels = names.slice(0, most).flatMap((name) => {
    const domain = space[name];
    if (domain === undefined) return [];
    const x = ({ params }: Scored) => {
      const value = params[name];
      return "categorical" in domain ? paramText(value) : Number(value);
    };
    const scale = parameterAxis(domain);
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
          Plot.dot(scored, { x, y: "value", r: 2.5, fill: colour("measured"), fillOpacity: 0.7 }),
          Plot.dot(best, {
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
  const caption = html`The same trials against each parameter by itself, over the range searched;
  the diamond is the best. A clear slope or valley shows a parameter that matters; a best setting at
  the edge of a range says that the range should be widened.
  ${names.length > most && `Shown are the first ${count(most)} of ${count(names.length)} parameters.`}`;
  return figure(html`<div class="panels">${panels}</div>`, caption);
}
