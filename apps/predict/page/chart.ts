import { s, short } from "./elements.ts";

const WIDTH = 460;
const LEFT = 56;
const RIGHT = 14;
const BOTTOM = 34;
const TOP = 26;

/** A drawing with axes, in its own units. */
export interface Chart {
  readonly svg: SVGSVGElement;
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

/** Round numbers over a range. */
function ticks(low: number, high: number, about: number): number[] {
  const raw = (high - low) / about;
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
  axes: {
    readonly x: { readonly name: string; readonly range: readonly [number, number] };
    readonly y: { readonly name: string; readonly range: readonly [number, number] };
  },
  height = 220,
): Chart {
  const [x0, x1] = axes.x.range;
  const [y0, y1] = axes.y.range;
  const x = (value: number) => LEFT + ((value - x0) / (x1 - x0 || 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) =>
    height - BOTTOM - ((value - y0) / (y1 - y0 || 1)) * (height - BOTTOM - TOP);
  const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label });
  for (const at of ticks(y0, y1, 4)) {
    svg.append(
      s("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(at), y2: y(at) }),
      s("text", { x: LEFT - 6, y: y(at) + 4, "text-anchor": "end" }, short(at)),
    );
  }
  for (const at of ticks(x0, x1, 6)) {
    svg.append(
      s("text", { x: x(at), y: height - BOTTOM + 15, "text-anchor": "middle" }, short(at)),
    );
  }
  svg.append(
    s(
      "text",
      { class: "axis", x: WIDTH - RIGHT, y: height - 3, "text-anchor": "end" },
      axes.x.name,
    ),
    s("text", { class: "axis", x: 2, y: 4, "dominant-baseline": "hanging" }, axes.y.name),
  );
  return { svg, x, y };
}

/** A line through points. */
export function line(
  { x, y }: Chart,
  points: readonly (readonly [number, number])[],
  kind: string,
) {
  return s("polyline", {
    class: kind,
    points: points.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(" "),
  });
}

/** A range of all values, a little wider than they are. */
export function rangeOf(values: Iterable<number>): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  return [low - room, high + room];
}

/** A strip with a dot a member, a mark where they agree on, and a band around it. */
export function strip(
  label: string,
  range: readonly [number, number],
  dots: readonly number[],
  mark: number,
  band: readonly [number, number] | null,
) {
  const width = 300;
  const at = (value: number) =>
    6 +
    ((Math.min(range[1], Math.max(range[0], value)) - range[0]) / (range[1] - range[0] || 1)) *
      (width - 12);
  const svg = s("svg", {
    class: "strip",
    viewBox: `0 0 ${width} 26`,
    role: "img",
    "aria-label": label,
  });
  svg.append(s("line", { class: "grid", x1: 6, x2: width - 6, y1: 13, y2: 13 }));
  if (band !== null) {
    const from = at(band[0]);
    svg.append(s("rect", { class: "band", x: from, width: at(band[1]) - from, y: 5, height: 16 }));
  }
  for (const [i, dot] of dots.entries()) {
    svg.append(s("circle", { class: "dot", cx: at(dot), cy: 13 + ((i * 7) % 11) - 5, r: 2.6 }));
  }
  svg.append(s("line", { class: "mark", x1: at(mark), x2: at(mark), y1: 2, y2: 24 }));
  return svg;
}
