import type { ErrorAnalysis } from "@manyfold/protocol";
import { count, number, plain } from "../format.ts";
import { html, type Html } from "../html.ts";
import { figure } from "../plot.ts";

/** Shades between white and the darkest colour, on each side of 0. */
const shades = 24;
const size = 300;
const margin = 34;

interface Spread {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Mean, smallest and largest entry off the diagonal. */
function spreadOf(matrix: readonly (readonly number[])[]): Spread {
  const pairs = matrix.flatMap((row, i) => row.filter((_, j) => j !== i));
  return {
    mean: pairs.reduce((sum, value) => sum + value, 0) / pairs.length,
    low: pairs.reduce((a, b) => Math.min(a, b), Infinity),
    high: pairs.reduce((a, b) => Math.max(a, b), -Infinity),
  };
}

/** Colour of a shade: from "no correlation" over a middle colour to a far one, so that near shades differ. */
function shadeColour(shade: number): string {
  const side = shade < 0 ? "negative" : "positive";
  const share = Math.abs(shade) / shades;
  const [from, to] = share < 0.5 ? ["zero", `${side}-middle`] : [`${side}-middle`, `${side}-far`];
  const part = (200 * (share < 0.5 ? share : share - 0.5)).toFixed(1);
  return `color-mix(in srgb, var(--${to}) ${part}%, var(--${from}))`;
}

/**
 * One path per shade instead of one rectangle per cell: a map of 128 members stays small. Cells are
 * unit squares; equal neighbours in a row are joined.
 */
function cells(matrix: readonly (readonly number[])[], limit: number): Html {
  const paths = new Map<number, string>();
  matrix.forEach((row, i) => {
    const shadeAt = (j: number) => {
      const share = Math.max(-1, Math.min(1, (row[j] ?? 0) / limit));
      return j === i ? null : Math.round(share * shades);
    };
    for (let j = 0; j < row.length;) {
      const shade = shadeAt(j);
      let end = j + 1;
      while (end < row.length && shadeAt(end) === shade) end += 1;
      if (shade !== null) {
        paths.set(shade, `${paths.get(shade) ?? ""}M${j} ${i}h${end - j}v1h-${end - j}z`);
      }
      j = end;
    }
  });
  const sorted = [...paths].sort(([a], [b]) => a - b);
  return html`${sorted.map(([shade, path]) => html`<path fill="${shadeColour(shade)}" d="${path}" />`)}`;
}

/** Where labels stand: at round member numbers, seven at most or so. */
function ticks(members: readonly number[]): number[] {
  const step = [1, 2, 5, 10, 20, 25].find((size) => members.length / size <= 7) ?? 50;
  return members.flatMap((member, index) => (member % step === 0 ? [index] : []));
}

function map(
  title: string,
  matrix: readonly (readonly number[])[],
  members: readonly number[],
  limit: number,
): Html {
  const side = String(size + margin + 6);
  const place = (index: number) => (((index + 0.5) * size) / members.length).toFixed(1);
  const labels = ticks(members).map((index) => {
    const name = count(members[index] ?? index);
    return html`<text x="-6" y="${place(index)}" dy="0.32em" text-anchor="end">${name}</text>
      <text x="${place(index)}" y="${String(size)}" dy="1.3em" text-anchor="middle">${name}</text>`;
  });
  const { mean, low, high } = spreadOf(matrix);
  const scale = (size / members.length).toFixed(5);
  return html`<div class="map">
    <h3>${title}</h3>
    <svg
      class="plot"
      role="img"
      viewBox="-${String(margin)} -2 ${side} ${String(size + 22)}"
      font-size="10"
      fill="currentColor"
      aria-label="${title} of ${count(members.length)} members, pair by pair: mean ${number(mean)}, from ${number(low)} to ${number(high)}"
    >
      <rect width="${String(size)}" height="${String(size)}" fill="var(--rule)" />
      <g transform="scale(${scale})" shape-rendering="crispEdges">${cells(matrix, limit)}</g>
      ${labels}
    </svg>
    <p>mean ${number(mean, 2)}, from ${number(low, 2)} to ${number(high, 2)}</p>
  </div>`;
}

/** Who errs together with whom: correlation of errors for every pair, raw and centred. */
export function correlationMaps(analysis: ErrorAnalysis): Html | null {
  const { correlation, members } = analysis;
  if (correlation === null || members.length < 2) return null;
  const both = [spreadOf(correlation.raw), spreadOf(correlation.centred)];
  const widest = Math.max(...both.map(({ low, high }) => Math.max(Math.abs(low), Math.abs(high))));
  // One scale for both maps, so that a colour means one number.
  const limit = Math.min(1, Math.max(0.1, Math.ceil(widest * 10) / 10));
  const names = members.map(({ member }) => member);
  const caption = html`Rows and columns are members by number; each cell says how far two members'
  errors agree, from opposite (below 0) over unrelated (0) to the same (1). The grey diagonal is
  each member with itself. Raw counts everything that two members get wrong alike; centred first
  takes each member's mean error away, so a bias they all share does not count. The lower these are,
  the more averaging removes.`;
  const negative = both.some(({ low }) => low < 0);
  const far = plain(limit);
  const [start, middle] = negative ? [`\u2212${far}`, "0"] : ["0", plain(limit / 2)];
  return figure(
    html`<div class="maps">
        ${map("Raw correlation of errors", correlation.raw, names, limit)}
        ${map("Centred correlation of errors", correlation.centred, names, limit)}
      </div>
      <div
        class="scale${negative && " both"}"
        role="img"
        aria-label="Colour scale from ${start} over ${middle} to ${far}"
      >
        <i></i><span>${start}</span><span>${middle}</span><span>${far}</span>
      </div>`,
    caption,
  );
}
