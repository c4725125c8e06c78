import { s } from "./elements.ts";
import { short } from "./format.ts";

/** Units of a drawing, which are pixels where it is shown: letters stay legible on a phone. */
const WIDTH = innerWidth < 760 ? 360 : 560;
const HEIGHT = 260;
const [LEFT, RIGHT, TOP, BOTTOM] = [58, 14, 28, 38];

/** Where values lie in a drawing. */
export interface Chart {
  readonly svg: SVGSVGElement;
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

export interface Range {
  readonly low: number;
  readonly high: number;
  readonly log?: boolean;
}

/** Round numbers over a range. */
function ticks({ low, high, log }: Range, about: number): number[] {
  if (log) {
    const found: number[] = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
      for (const first of [1, 2, 5]) found.push(first * 10 ** power);
    }
    const inside = found.filter((at) => at >= low && at <= high);
    const bare = inside.filter(
      (at) => /^1(e|0*$|$)/.test(String(at)) || /^0\.0*1$/.test(String(at)),
    );
    return inside.length > about + 2 && bare.length > 1 ? bare : inside;
  }
  const raw = (high - low) / about || 1;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = size * ([1, 2, 5, 10].find((one) => one * size >= raw) ?? 10);
  const found: number[] = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) {
    found.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  }
  return found;
}

/** An empty chart: axes with round numbers and names. */
export function chart(
  label: string,
  across: Range & { readonly name: string },
  up: Range & { readonly name: string },
): Chart {
  const place = ({ low, high, log }: Range, from: number, to: number) => {
    const [a, b] = log ? [Math.log(low), Math.log(high)] : [low, high];
    return (value: number) =>
      from + (((log ? Math.log(value) : value) - a) / (b - a || 1)) * (to - from);
  };
  const x = place(across, LEFT, WIDTH - RIGHT);
  const y = place(up, HEIGHT - BOTTOM, TOP);
  const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  for (const at of ticks(up, 5)) {
    svg.append(
      s("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(at), y2: y(at) }),
      s("text", { x: LEFT - 6, y: y(at) + 4, "text-anchor": "end" }, short(at)),
    );
  }
  for (const at of ticks(across, 7)) {
    svg.append(
      s("text", { x: x(at), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" }, short(at)),
    );
  }
  svg.append(
    s(
      "text",
      { class: "axis", x: WIDTH - RIGHT, y: HEIGHT - 3, "text-anchor": "end" },
      across.name,
    ),
    s("text", { class: "axis", x: 2, y: 6, "dominant-baseline": "hanging" }, up.name),
  );
  return { svg, x, y };
}

type Points = readonly (readonly [number, number])[];

const at = ({ x, y }: Chart, [a, b]: readonly [number, number]) =>
  `${x(a).toFixed(1)} ${y(b).toFixed(1)}`;

export function line(own: Chart, points: Points, kind: string): void {
  if (points.length < 2) return dots(own, points, kind);
  const path = points.map((point, i) => `${i === 0 ? "M" : "L"}${at(own, point)}`).join("");
  own.svg.append(s("path", { class: `line ${kind}`, d: path }));
}

/** A line that keeps its height up to the next point. */
export function steps(own: Chart, points: Points, kind: string): void {
  const path = points.map(([a, b], i) =>
    i === 0 ? `M${at(own, [a, b])}` : `H${own.x(a).toFixed(1)}V${own.y(b).toFixed(1)}`,
  );
  own.svg.append(s("path", { class: `line ${kind}`, d: path.join("") }));
}

/** Dots as one path of strokes without length: a thousand of them are one element. */
export function dots(own: Chart, points: Points, kind: string): void {
  if (points.length === 0) return;
  const path = points.map((point) => `M${at(own, point)}h0`).join("");
  own.svg.append(s("path", { class: `dots ${kind}`, d: path }));
}

/** A range of values, logarithmic where they span much; a few that are far off the good end stay out. */
export function rangeOf(values: readonly number[], goodIsLow = true): Range {
  const sorted = values.filter(Number.isFinite).sort((a, b) => (goodIsLow ? a - b : b - a));
  const of = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  if (sorted.length === 0) return { low: 0, high: 1 };
  const [low, high] = [Math.min(of(0), of(1)), Math.max(of(0), of(1))];
  if (low > 0 && high > 12 * of(0.5)) return { low: low * 0.9, high: high * 1.1, log: true };
  const fence = of(0.75) + 4 * (of(0.75) - of(0.25));
  const far = goodIsLow
    ? Math.min(high, Math.max(fence, of(0.75)))
    : Math.max(low, Math.min(fence, of(0.75)));
  const [from, to] = goodIsLow ? [low, far] : [far, high];
  const room = 0.06 * (to - from || Math.abs(to) || 1);
  return { low: from >= 0 && from < 0.35 * to ? 0 : from - room, high: to + room };
}
