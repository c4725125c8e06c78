import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { html, trusted, visible, type Html } from "./html.ts";

/** The drawing area of one version of a chart, in CSS pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
  /** For a phone: shorter labels, smaller margins. */
  readonly narrow: boolean;
}

/** A chart is drawn for a page and for a phone; the style sheet shows the one that fits. */
const both: readonly Size[] = [
  { width: 720, height: 340, narrow: false },
  { width: 340, height: 300, narrow: true },
];

/** One version, for charts that stand several to a row. */
export const small: readonly Size[] = [{ width: 340, height: 260, narrow: true }];

export const flat: readonly Size[] = [
  { width: 720, height: 150, narrow: false },
  { width: 340, height: 150, narrow: true },
];

/** Names of the colours that `style.ts` defines for light and dark. */
export type Colour =
  "ink" | "muted" | "rule" | "paper" | "measured" | "law" | "floor" | "best" | "band";

export const colour = (name: Colour): string => `var(--${name})`;

/**
 * A chart as SVG, drawn at build time: one picture for each size.
 *
 * @param label what the picture shows, for those who do not see it; the caption says the rest.
 */
export function chart(
  label: string,
  draw: (size: Size) => Plot.PlotOptions,
  sizes: readonly Size[] = both,
): Html {
  const pictures = sizes.map((size) => {
    const { document } = parseHTML("<html><body></body></html>");
    const options = { document, className: "plot", width: size.width, height: size.height };
    const svg: { outerHTML: string } = Plot.plot({ ...options, ...draw(size) });
    const markup = visible(svg.outerHTML)
      // Plot writes its own rules into every picture; the page's style sheet holds them once.
      .replace(/<style>[\s\S]*?<\/style>/, "")
      .replace(/^<svg /, `<svg role="img" `);
    const shown = sizes.length === 1 ? "any" : size.narrow ? "narrow" : "wide";
    return html`<div class="picture ${shown}">
      ${trusted(markup.replace(/^<svg /, html`<svg aria-label="${label}" `.markup))}
    </div>`;
  });
  return html`${pictures}`;
}

/** A figure: pictures over a caption that says what is seen. */
export function figure(pictures: Html, caption: Html, key: Html | null = null): Html {
  return html`<figure>
    ${key}${pictures}
    <figcaption>${caption}</figcaption>
  </figure>`;
}

/** What a key says of one kind of mark, where a label in the picture would be in the way. */
export interface KeyEntry {
  readonly mark: "dot" | "diamond" | "line" | "dashes" | "dots" | "area" | "cross";
  readonly colour: Colour;
  readonly text: string;
}

/** A key above a picture, with the marks as they are drawn. */
export function key(entries: readonly KeyEntry[]): Html {
  const item = (entry: KeyEntry) =>
    html`<li>
      <i class="mark ${entry.mark}" style="--mark:var(--${entry.colour})"></i>${entry.text}
    </li>`;
  return html`<ul class="key">
    ${entries.map(item)}
  </ul>`;
}

/** The range of an axis. */
export interface Extent {
  readonly low: number;
  readonly high: number;
  readonly log: boolean;
}

/**
 * A range around values. It starts at 0 where that costs little of the height, and is logarithmic
 * only if asked for and all values are positive.
 */
export function extent(values: readonly number[], settings: { log?: boolean } = {}): Extent {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!Number.isFinite(low + high)) return { low: 0, high: 1, log: false };
  if (settings.log && low > 0) return { low: low * 0.9, high: high * 1.1, log: true };
  const margin = 0.06 * (high - low || Math.abs(high) || 1);
  const fromZero = low >= 0 && low < 0.35 * high;
  return { low: fromZero ? 0 : low - margin, high: high + margin, log: false };
}

/** Whether values span so many orders of magnitude that a linear axis would hide most of them. */
export function wantsLog(values: readonly number[]): boolean {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, middle] = [sorted[0] ?? 0, sorted[Math.floor(sorted.length / 2)] ?? 0];
  return low > 0 && (sorted.at(-1) ?? 0) > 12 * middle;
}

/** Options of an axis over an {@link Extent}. */
export function axis({ low, high, log }: Extent, label: string): Plot.ScaleOptions {
  const scale = { domain: [low, high], label, labelArrow: "none", ticks: 6 } as const;
  // Without a format of its own a logarithmic axis would say 200m for 0.2.
  return log ? { ...scale, type: "log", tickFormat: "~g" } : { ...scale, type: "linear" };
}

/** A label beside a line, at the line's height. */
export interface LineLabel {
  readonly at: number;
  readonly text: string;
  readonly colour: Colour;
}

/**
 * Labels at one side of a chart, moved apart where they would overlap.
 *
 * @param height of the area between the margins, pixels.
 */
export function lineLabels(
  labels: readonly LineLabel[],
  { low, high, log }: Extent,
  height: number,
  gap = 14,
): Plot.Markish[] {
  const part = (value: number) =>
    log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  const sorted = labels
    .map((label) => ({ ...label, wanted: height * (1 - part(label.at)) }))
    .sort((a, b) => a.wanted - b.wanted);
  const placed: number[] = [];
  for (const { wanted } of sorted) placed.push(Math.max(wanted, (placed.at(-1) ?? -gap) + gap));
  // What was pushed below the axis goes back up, and pushes those above it.
  for (let index = placed.length - 1, below = height + gap; index >= 0; index--) {
    below = Math.min(placed[index] ?? 0, below - gap);
    placed[index] = below;
  }
  return sorted.map(({ at, text, colour: name, wanted }, index) =>
    Plot.text([text], {
      text: (d: string) => d,
      y: [at],
      frameAnchor: "right",
      textAnchor: "start",
      dx: 6,
      dy: (placed[index] ?? wanted) - wanted,
      fill: colour(name),
    }),
  );
}
