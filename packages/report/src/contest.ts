import * as Plot from "@observablehq/plot";
import type { Contest, Contestant, SeedMean } from "@manyfold/protocol";
import { count, counted, number, range } from "./format.ts";
import { html, trusted, type Html } from "./html.ts";
import { axis, chart, colour, extent, figure, key, type Size } from "./plot.ts";
import { css } from "./style.ts";
import { table } from "./table.ts";

/** What a browser may load for this page: its own style sheet and nothing else. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/**
 * `contest.html`: dropout against bagging, as one file without network and script. Equal documents
 * give equal bytes.
 */
export function renderContest(contest: Contest): string {
  const { name, contestants, seeds, sentences, unit } = contest;
  const page: Html = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${name}: dropout against bagging</title>
        <style>
          ${trusted(css)}
        </style>
      </head>
      <body>
        <main>
          <header>
            <p class="kind">Manyfold comparison</p>
            <h1>${name}: dropout against bagging</h1>
            <p class="verdict">${sentences[0] ?? ""}</p>
            <p>
              Every network has the same layers, the same rows to learn from and the same training.
              ${counted(contestants.length, "way")} to come to one prediction stand against each
              other over ${counted(seeds.length, "seed")}, each with a split, starts and draws of
              its own.
            </p>
          </header>
          <section>
            <h2>Error</h2>
            ${errorFigure(contest)}
          </section>
          <section>
            <h2>What averaging has to work with</h2>
            ${lawFigure(contest)}
          </section>
          <section>
            <h2>Figures</h2>
            ${figures(contest)}
          </section>
          <section>
            <h2>Against each other, seed by seed</h2>
            ${differences(contest)}
            <ul class="sentences">
              ${sentences.slice(1).map((sentence) => html`<li>${sentence}</li>`)}
            </ul>
          </section>
        </main>
        <footer>
          <p>
            Errors in units of ${unit}, on test rows. Every number on this page, and each seed's
            own, is in <code>contest.json</code> beside it.
          </p>
        </footer>
      </body>
    </html> `;
  return page.markup;
}

/** A contestant's name, shorter for a phone. */
function named({ label }: Contestant, { narrow }: Size): string {
  return narrow
    ? label
        .replace(", weights scaled", "")
        .replace(/^nets from /, "")
        .replace(/^average of /, "")
    : label;
}

const height = (contestants: readonly Contestant[]) => 74 + 38 * contestants.length;

const sizes = (contestants: readonly Contestant[]): readonly Size[] => [
  { width: 720, height: height(contestants), narrow: false },
  { width: 340, height: height(contestants), narrow: true },
];

/** Errors with their intervals, and each seed's own. */
function errorFigure({ contestants, rows, unit, seeds }: Contest): Html {
  const all = rows.map(({ error }) => error);
  const ends = contestants.flatMap(({ error: { low, high } }) => [low ?? [], high ?? []].flat());
  const across = extent([...all, ...ends]);
  const draw = (size: Size): Plot.PlotOptions => {
    const label = (name: Contestant["name"]) => {
      const own = contestants.find((one) => one.name === name);
      return own === undefined ? name : named(own, size);
    };
    return {
      marginTop: 10,
      marginBottom: 44,
      marginLeft: size.narrow ? 126 : 190,
      marginRight: 18,
      x: { ...axis(across, `error: ${unit}`), labelAnchor: "center", grid: true, ticks: 5 },
      y: { label: null, domain: contestants.map((own) => named(own, size)), tickSize: 0 },
      marks: [
        Plot.dot(rows, {
          x: "error",
          y: ({ contestant }: Contest["rows"][number]) => label(contestant),
          r: 2.5,
          fill: colour("muted"),
          fillOpacity: 0.55,
          dy: 9,
        }),
        Plot.ruleY(
          contestants.filter(({ error }) => error.low !== null),
          {
            x1: ({ error }: Contestant) => error.low ?? 0,
            x2: ({ error }: Contestant) => error.high ?? 0,
            y: (own: Contestant) => named(own, size),
            stroke: colour("measured"),
            strokeWidth: 2.5,
          },
        ),
        Plot.dot(contestants, {
          x: ({ error }: Contestant) => error.mean,
          y: (own: Contestant) => named(own, size),
          r: 5,
          fill: colour("measured"),
        }),
      ],
    };
  };
  const caption = html`Error of each way's prediction on the test rows, mean over
  ${counted(seeds.length, "seed")} with its 95${"\u00a0"}% interval; below it the seeds one by one.
  ${across.low !== 0 && "The axis does not start at 0."}`;
  return figure(
    chart("Error of each way with its interval over seeds", draw, sizes(contestants)),
    caption,
    key([
      { mark: "dot", colour: "measured", text: "mean over seeds" },
      { mark: "line", colour: "measured", text: "95\u00a0% interval" },
      { mark: "dot", colour: "muted", text: "one seed" },
    ]),
  );
}

/** From a member's error to what members share, and where the average comes out between them. */
function lawFigure({ contestants, unit }: Contest): Html {
  const bars = contestants.map((own) => ({
    own,
    v: own.v.mean,
    c: own.c?.mean ?? own.v.mean,
    error: own.error.mean,
  }));
  const across = extent(bars.flatMap(({ v, c, error }) => [v, c, error]));
  const draw = (size: Size): Plot.PlotOptions => ({
    marginTop: 10,
    marginBottom: 44,
    marginLeft: size.narrow ? 126 : 190,
    marginRight: 18,
    x: { ...axis(across, `error: ${unit}`), labelAnchor: "center", grid: true, ticks: 5 },
    y: { label: null, domain: contestants.map((own) => named(own, size)), tickSize: 0 },
    marks: [
      Plot.ruleY(bars, {
        x1: "c",
        x2: "v",
        y: ({ own }: (typeof bars)[number]) => named(own, size),
        stroke: colour("band"),
        strokeWidth: 8,
        strokeOpacity: 0.4,
      }),
      ...(["v", "c", "error"] as const).map((value) =>
        Plot.dot(bars, {
          x: value,
          y: ({ own }: (typeof bars)[number]) => named(own, size),
          r: value === "error" ? 5 : 4,
          fill: colour(MARKS[value]),
          ...(value === "error" && { symbol: "diamond" as const }),
        }),
      ),
    ],
  });
  const caption = html`A mean member's error v (right), what two members' errors have in common, c
  (left), and the average of the members, which the law puts at v/k + (k − 1)/k c. Bagging makes
  members worse (v) and lets them err apart (c); a wide band is what averaging can take away. One
  network alone has no c.`;
  return figure(
    chart("v, c and the error of the average, for each way", draw, sizes(contestants)),
    caption,
    key([
      { mark: "dot", colour: "law", text: "v, a member alone" },
      { mark: "dot", colour: "floor", text: "c, what members share" },
      { mark: "diamond", colour: "measured", text: "the average" },
    ]),
  );
}

const MARKS = { v: "law", c: "floor", error: "measured" } as const;

function figures({ contestants, task, seeds }: Contest): Html {
  const isClasses = task === "classification";
  const cell = (of: (own: Contestant) => SeedMean | null, digits = 3) => ({
    align: "right" as const,
    cell: (own: Contestant) => {
      const value = of(own);
      if (value === null) return "\u2013";
      const { mean, low, high } = value;
      if (low === null || high === null) return number(mean, digits);
      return html`${number(mean, digits)}<br /><small>±${number((high - low) / 2, 2)}</small>`;
    },
  });
  const way = {
    title: "way",
    names: true as const,
    cell: ({ label }: Contestant) => html`<span class="keep">${label}</span>`,
  };
  const means = `means over ${counted(seeds.length, "seed")} with half the width of their 95\u00a0% intervals`;
  return html`${table({
      caption: `Errors and cost, ${means}`,
      columns: [
        way,
        { title: "k", align: "right", cell: ({ k }) => count(k) },
        { title: "nets", align: "right", cell: ({ networks }) => count(networks) },
        { title: "v", ...cell(({ v }) => v) },
        { title: "c", ...cell(({ c }) => c) },
        { title: "error", ...cell(({ error }) => error) },
        { title: "core-seconds", ...cell(({ seconds: own }) => own, 2) },
      ],
      rows: contestants,
    })}
    ${table({
      caption: `Scores and calibration, ${means}`,
      columns: [
        way,
        { title: isClasses ? "accuracy" : "RMSE", ...cell(({ score }) => score, 4) },
        { title: "NLL (nats)", ...cell(({ nll }) => nll) },
        { title: isClasses ? "ECE" : "CRPS", ...cell(({ calibration }) => calibration) },
      ],
      rows: contestants,
    })}
    <p class="note">
      ${isClasses ? "ECE: expected calibration error of the most probable class, over 15 bins." : "CRPS: continuous ranked probability score of the predictive Gaussian, in target units."}
      Core-seconds are those of training, as long as tasks held their slots on a machine as busy as
      it was; predicting costs a pass per member.
    </p>`;
}

function differences({ contestants, differences: all }: Contest): Html {
  const label = (name: Contestant["name"]) =>
    contestants.find((own) => own.name === name)?.label ?? name;
  return table({
    caption: "Error of the first less error of the second; above 0 the second is better",
    columns: [
      { title: "first", names: true, cell: ({ first }) => label(first) },
      { title: "second", cell: ({ second }) => label(second) },
      {
        title: "difference",
        align: "right",
        cell: ({ difference }) => number(difference.mean),
      },
      {
        title: "95\u00a0% interval",
        align: "right",
        cell: ({ difference: { low, high } }) =>
          low === null || high === null ? "\u2013" : range({ low, high }),
      },
    ],
    rows: all,
    marked: ({ difference: { low, high } }) => (low ?? 0) > 0 || (high ?? 0) < 0,
  });
}
