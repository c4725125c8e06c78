import * as Plot from "@observablehq/plot";
import type { MemberRow, ProbePoint } from "@manyfold/protocol";
import { count, number } from "../format.ts";
import { html, type Html } from "../html.ts";
import { axis, chart, colour, type Colour, extent, figure, key, type KeyEntry } from "../plot.ts";

/** A line over epochs. */
interface Line {
  readonly name: string;
  readonly ink: Colour;
  readonly mark: "line" | "dashes";
  readonly points: readonly { readonly epoch: number; readonly value: number }[];
}

interface Measured {
  readonly epoch: number;
  readonly probes: ProbePoint;
}

const INKS: readonly Colour[] = ["measured", "law", "best", "floor", "muted", "ink"];
/** More layers than this are drawn as first, last and some between. */
const MOST_LAYERS = 6;

/** What was measured while the first network with measurements trained; null where nothing was. */
export function probeFigures(members: readonly MemberRow[]): Html | null {
  const found = members.find(({ curve }) => curve?.some(({ probes }) => probes !== undefined));
  const measured = (found?.curve ?? []).flatMap(({ epoch, probes }): Measured[] =>
    probes === undefined ? [] : [{ epoch, probes }],
  );
  const last = measured.at(-1);
  if (last === undefined) return null;
  const line = (
    name: string,
    ink: Colour,
    of: (point: ProbePoint) => number | null | undefined,
    mark: Line["mark"] = "line",
  ): Line => ({
    name,
    ink,
    mark,
    points: measured.flatMap(({ epoch, probes }) => {
      const value = of(probes);
      return value === null || value === undefined ? [] : [{ epoch, value }];
    }),
  });
  const all = last.probes.layers.map(({ name }) => name);
  const shown = spread(all, MOST_LAYERS);
  const layer = (name: string, what: "gradient" | "dead" | "saturated" | "active") =>
    line(name, INKS[shown.indexOf(name)] ?? "ink", ({ layers }) => {
      return layers.find((one) => one.name === name)?.[what];
    });
  const share = (what: "dead" | "saturated" | "active") => shown.map((name) => layer(name, what));
  const over = measured.filter(({ probes }) => probes.curvature > probes.slope).length;
  const { noiseScale, bestRate } = last.probes;
  return html`${
      measured.length > 0 &&
      figure(
        panel(
          "Norm of the gradient",
          "gradient norm",
          shown.map((name) => layer(name, "gradient")),
        ),
        html`The gradient's norm in each
        layer${all.length > shown.length && ` (${count(shown.length)} of ${count(all.length)})`}.
        Where it shrinks from the output towards the input, the first layers hardly learn; where it
        grows, clipping keeps steps in bounds.`,
        keyOf(shown.map((name) => layer(name, "gradient"))),
      )
    }
    ${drawn(
      "Slope and curvature",
      "change of the loss",
      [
        line("won by the slope", "measured", ({ slope }) => slope),
        line("taken back by curvature", "law", ({ curvature }) => Math.max(0, curvature), "dashes"),
      ],
      html`What a step along the gradient gains by the slope, and what the curvature takes back.
      Above the first line the second raises the loss: in ${count(over)} of
      ${count(measured.length)}
      measurements.${bestRate !== null && ` The best rate along the last gradient is ${number(bestRate)}.`}`,
    )}
    ${drawn(
      "Units that are always alike",
      "share of units",
      share("dead"),
      html`Hidden units that gave one and the same value for all measured rows: they pass nothing
      on, and ReLU units hardly come back.`,
    )}
    ${drawn(
      "Saturated activations",
      "share of activations",
      share("saturated"),
      html`Activations within a hundredth of a bound of their function, where its slope is next to
      none.`,
    )}
    ${drawn(
      "Noise of the gradient",
      "rows",
      [line("noise scale", "measured", (point) => point.noiseScale)],
      html`Rows of a batch beyond which the gradient's mean hardly becomes better: the variance of
      one row's gradient over the squared norm of the mean (McCandlish
      2018)${noiseScale !== null && `; in the end ${number(noiseScale)}`}. A gap is where noise
      hides the gradient.`,
    )}
    <p class="note">
      Of member ${count(found?.member ?? 0)}, on some of its training rows, without dropout, noise
      and penalties.
    </p>`;
}

/** A figure where there is a line with something to see. */
function drawn(label: string, unit: string, lines: readonly Line[], caption: Html): Html | null {
  const present = lines.filter(({ points }) => points.length > 0);
  if (present.length === 0) return null;
  return figure(panel(label, unit, present), caption, keyOf(present));
}

function keyOf(lines: readonly Line[]): Html {
  return key(lines.map(({ name, ink, mark }): KeyEntry => ({ mark, colour: ink, text: name })));
}

function panel(label: string, unit: string, lines: readonly Line[]): Html {
  const values = lines.flatMap(({ points }) => points.map(({ value }) => value));
  const positive = values.every((value) => value > 0);
  const range = extent(values, { log: positive && Math.max(...values) > 12 * Math.min(...values) });
  return chart(`${label} over epochs`, ({ narrow }) => ({
    marginTop: 28,
    marginBottom: 44,
    marginLeft: 56,
    x: { label: "epoch", labelArrow: "none", labelAnchor: "center", ticks: narrow ? 5 : 10 },
    y: { ...axis(range, `${unit}${range.log ? " (log scale)" : ""}`), grid: true, ticks: 5 },
    marks: lines.flatMap(({ points, ink, mark }) => [
      Plot.line([...points], {
        x: "epoch",
        y: "value",
        stroke: colour(ink),
        strokeWidth: 2,
        ...(mark === "dashes" && { strokeDasharray: "5 4" }),
      }),
      points.length === 1
        ? Plot.dot([...points], { x: "epoch", y: "value", fill: colour(ink) })
        : null,
    ]),
  }));
}

/** At most that many of the items, ends included, evenly between. */
function spread<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  const step = (items.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => items[Math.round(i * step)]).flatMap(
    (one) => one ?? [],
  );
}
