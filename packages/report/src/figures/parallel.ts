import * as Plot from "@observablehq/plot";
import type { SearchResult, Space } from "@manyfold/protocol";
import { count, number } from "../format.ts";
import { html, type Html } from "../html.ts";
import { chart, colour, figure, key, type Size } from "../plot.ts";
import { domainScale, shortNames } from "./domain.ts";
import { rankedTrials, thinnedTrials, valueExtent, type Scored } from "./scored.ts";

/** Lines drawn at most, and axes. */
const mostLines = 200;
const mostAxes = 10;

/** How a label under a lying axis stands at its place, so that none leaves the picture. */
const ends = [
  { anchor: "start", from: -Infinity, to: 0.05 },
  { anchor: "middle", from: 0.05, to: 0.95 },
  { anchor: "end", from: 0.95, to: Infinity },
] as const;

interface Axis {
  readonly title: string;
  readonly share: (trial: Scored) => number | null;
  readonly labels: readonly { readonly share: number; readonly text: string }[];
}

interface Point {
  readonly trial: number;
  readonly axis: number;
  readonly share: number;
}

/** Every trial as a line through its parameters and its value. */
export function parallelCoordinates(search: SearchResult, space: Space): Html | null {
  const ranking = search.importance?.map(({ name }) => name) ?? [];
  const names = [...new Set([...ranking, ...Object.keys(space)])]
    .filter((name) => space[name] !== undefined && !("constant" in (space[name] ?? {})))
    .slice(0, mostAxes);
  const { shown, note } = thinnedTrials(search, mostLines);
  if (names.length < 2 || shown.length < 3) return null;
  const titles = shortNames(Object.keys(space));
  const axes: readonly Axis[] = [
    ...names.flatMap((name): Axis[] => {
      const domain = space[name];
      if (domain === undefined) return [];
      const { share, labels } = domainScale(domain);
      const of = ({ params }: Scored) => {
        const value = params[name];
        return value === undefined ? null : share(value);
      };
      return [{ title: titles.get(name) ?? name, share: of, labels }];
    }),
    valueAxis(search),
  ];
  const ranked = rankedTrials(search);
  const good = new Set(
    ranked.slice(0, Math.max(1, Math.ceil(ranked.length / 10))).map(({ trial }) => trial),
  );
  const pointsOf = (trials: readonly Scored[]): Point[] =>
    trials.flatMap((trial) =>
      axes.flatMap(({ share }, axis) => {
        const at = share(trial);
        return at === null ? [] : [{ trial: trial.trial, axis, share: at }];
      }),
    );
  const groups = [
    {
      points: pointsOf(shown.filter(({ trial }) => !good.has(trial))),
      ink: "measured",
      opacity: 0.25,
      width: 0.8,
    },
    {
      points: pointsOf(shown.filter(({ trial }) => good.has(trial))),
      ink: "law",
      opacity: 0.75,
      width: 1.2,
    },
    {
      points: pointsOf(shown.filter(({ trial }) => trial === search.best?.trial)),
      ink: "best",
      opacity: 1,
      width: 3,
    },
  ] as const;

  // Axes stand beside each other on a page, and lie under each other on a phone.
  const draw = ({ narrow }: Size): Plot.PlotOptions => {
    const [along, across] = narrow ? (["y", "x"] as const) : (["x", "y"] as const);
    const places = axes.map((_, axis) => axis);
    const ticks = axes.flatMap(({ labels }, axis) => labels.map((label) => ({ ...label, axis })));
    const rule = narrow ? Plot.ruleY : Plot.ruleX;
    return {
      margin: 8,
      marginTop: narrow ? 22 : 30,
      marginBottom: narrow ? 26 : 16,
      marginLeft: narrow ? 14 : 34,
      marginRight: narrow ? 14 : 44,
      [along]: { domain: [0, axes.length - 1], axis: null },
      [across]: { domain: [0, 1], axis: null },
      marks: [
        rule(places, {
          [along]: (axis: number) => axis,
          stroke: colour("muted"),
          strokeOpacity: 0.7,
        }),
        ...groups.map(({ points, ink, opacity, width }) =>
          Plot.line(points, {
            [along]: "axis",
            [across]: "share",
            z: "trial",
            stroke: colour(ink),
            strokeOpacity: opacity,
            strokeWidth: width,
          }),
        ),
        ...ends.map(({ anchor, from, to }) =>
          Plot.text(
            ticks.filter(({ share }) => share > from && share <= to),
            {
              [along]: "axis",
              [across]: "share",
              text: "text",
              fill: colour("ink"),
              stroke: colour("paper"),
              strokeWidth: 4,
              textAnchor: narrow ? anchor : "start",
              ...(narrow ? { dy: 10 } : { dx: 4 }),
            },
          ),
        ),
        Plot.text(axes, {
          [along]: (_: Axis, axis: number) => axis,
          text: "title",
          fill: colour("ink"),
          fontWeight: 600,
          ...(narrow
            ? { frameAnchor: "left" as const, textAnchor: "start" as const, dy: -10, dx: 2 }
            : {
                frameAnchor: "top" as const,
                lineAnchor: "bottom" as const,
                dy: -10,
                textAnchor: "middle" as const,
              }),
          stroke: colour("paper"),
          strokeWidth: 4,
        }),
      ],
    };
  };
  const height = Math.max(300, 62 * axes.length);
  const sizes: readonly Size[] = [
    { width: 720, height: 340, narrow: false },
    { width: 340, height, narrow: true },
  ];
  const caption = html`Each line is one trial, through its parameters to its ${search.metric} at the
  end, where good is ${search.direction === "minimise" ? "low" : "high"}. Where the lines of the
  best tenth come together, that value matters; where they spread, it hardly does.${note}
  ${names.length < Object.keys(space).length && `Shown are ${count(names.length)} of ${count(Object.keys(space).length)} parameters.`}`;
  return figure(
    chart(`Parameters of the trials beside each other, and their ${search.metric}`, draw, sizes),
    caption,
    key([
      { mark: "line", colour: "measured", text: "a trial" },
      { mark: "line", colour: "law", text: "of the best tenth" },
      { mark: "line", colour: "best", text: "the best" },
    ]),
  );
}

function valueAxis(search: SearchResult): Axis {
  const { low, high, log } = valueExtent(search);
  const to = log ? Math.log : (value: number) => value;
  const share = (value: number) =>
    Math.min(1, Math.max(0, (to(value) - to(low)) / (to(high) - to(low))));
  const labels = [low, high].map((value) => ({ share: share(value), text: number(value, 2) }));
  return { title: search.metric, share: ({ value }) => share(value), labels };
}
