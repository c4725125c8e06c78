import * as Plot from "@observablehq/plot";
import { FINAL, type Span } from "@manyfold/protocol";
import { count, counted, duration, percent } from "../format.ts";
import { html, type Html } from "../html.ts";
import { chart, colour, figure, key, type Colour, type Size } from "../plot.ts";

/** Lanes drawn at most. */
const mostLanes = 48;
/** A lane in as many steps as can be told apart: of many bars, those that touch within one are joined. */
const steps = 1000;
/** Bars of a lane up to which each is drawn. */
const few = 120;

type Kind = "search" | "final" | "failed";

interface Bar {
  readonly lane: number;
  readonly kind: Kind;
  readonly from: number;
  to: number;
}

function kindOf({ key: place, failure }: Span): Kind {
  if (failure !== undefined) return "failed";
  return place.trial === FINAL ? "final" : "search";
}

/**
 * A lane for each slot of each worker: as many as its work needs in its time. Ends are those of
 * records, which a busy coordinator writes late, so that what overlaps a little need not have.
 */
function lanesOf(spans: readonly Span[]): { name: string; spans: Span[] }[] {
  const byWorker = new Map<string, Span[]>();
  for (const span of spans) {
    const own = byWorker.get(span.worker) ?? [];
    own.push(span);
    byWorker.set(span.worker, own);
  }
  const workers = [...byWorker].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
  return workers.flatMap(([name, own]) => {
    const sorted = own.sort((a, b) => a.to - b.to);
    const busy = own.reduce((sum, { from, to }) => sum + to - from, 0);
    const first = own.reduce((least, { from }) => Math.min(least, from), Infinity);
    const slots = Math.max(1, Math.ceil(busy / ((sorted.at(-1)?.to ?? 0) - first) - 0.1));
    const lanes = Array.from({ length: slots }, (_, slot) => ({
      name: slot === 0 ? name : "",
      spans: [] as Span[],
    }));
    const endOf = (lane: { spans: Span[] }) => lane.spans.at(-1)?.to ?? 0;
    for (const span of sorted) {
      const lane = lanes.reduce((free, other) => (endOf(other) < endOf(free) ? other : free));
      lane.spans.push({ ...span, from: Math.min(Math.max(span.from, endOf(lane)), span.to) });
    }
    return lanes;
  });
}

/** Who did what when: a lane for each slot of each worker, a bar for each attempt. */
export function timeline(spans: readonly Span[]): Html | null {
  const end = spans.reduce((latest, { to }) => Math.max(latest, to), 0);
  if (spans.length < 2 || end === 0) return null;
  const lanes = lanesOf(spans);
  const shown = lanes.slice(0, mostLanes);
  const bars = shown.flatMap((own, lane) => {
    const joined: Bar[] = [];
    for (const span of own.spans) {
      const kind = kindOf(span);
      const last = own.spans.length > few ? joined.at(-1) : undefined;
      if (last?.kind === kind && span.from - last.to < end / steps)
        last.to = Math.max(last.to, span.to);
      else
        joined.push({ lane, kind, from: span.from, to: Math.max(span.to, span.from + end / 700) });
    }
    return joined;
  });
  const joinedAny = shown.some(({ spans: own }) => own.length > few);
  const kinds: readonly { kind: Kind; ink: Colour; text: string }[] = [
    { kind: "search", ink: "measured", text: "trials" },
    { kind: "final", ink: "floor", text: "members" },
    { kind: "failed", ink: "law", text: "failed attempts" },
  ];
  const present = kinds.filter(({ kind }) => bars.some((bar) => bar.kind === kind));
  const row = Math.max(9, Math.min(24, 300 / shown.length));
  const height = 62 + row * shown.length;
  const sizes: readonly Size[] = [
    { width: 720, height, narrow: false },
    { width: 340, height, narrow: true },
  ];
  const [unit, size] = end > 7200 ? ["hours", 3600] : end > 240 ? ["minutes", 60] : ["seconds", 1];
  const draw = ({ narrow }: Size): Plot.PlotOptions => ({
    marginTop: 6,
    marginBottom: 42,
    marginLeft: narrow ? 84 : 120,
    marginRight: 16,
    x: {
      domain: [0, end / size],
      label: `${unit} since the run began`,
      labelArrow: "none",
      labelAnchor: "center",
      ticks: narrow ? 4 : 8,
      grid: true,
    },
    y: { domain: [-0.5, shown.length - 0.5], reverse: true, axis: null },
    marks: [
      ...present.map(({ kind, ink }) =>
        Plot.rect(
          bars.filter((bar) => bar.kind === kind),
          {
            x1: ({ from }: Bar) => from / size,
            x2: ({ to }: Bar) => Math.min(to, end) / size,
            y1: ({ lane }: Bar) => lane - 0.4,
            y2: ({ lane }: Bar) => lane + 0.4,
            fill: colour(ink),
            ...(bars.length <= few * shown.length && { insetRight: 1 }),
          },
        ),
      ),
      Plot.text(
        shown.map(({ name }, lane) => ({ name, lane })),
        {
          text: ({ name }: { name: string }) => clipped(name, narrow ? 12 : 18),
          y: "lane",
          frameAnchor: "left",
          textAnchor: "end",
          dx: -6,
          fill: colour("ink"),
        },
      ),
    ],
  });
  const busy = spans.reduce((sum, { from, to }) => sum + to - from, 0);
  const share = Math.min(1, busy / (end * lanes.length));
  const caption = html`Who did what when: each lane is a slot of a worker, each bar what it worked
  on, over ${duration(end)}. ${counted(spans.length, "attempt")} kept the
  ${counted(lanes.length, "slot")} busy for ${percent(share, 0)} of the time; gaps are waiting, or
  the run's own work. ${joinedAny && "Bars that touch are drawn as one."}
  ${lanes.length > shown.length && `Drawn are the first ${count(shown.length)} of ${count(lanes.length)} slots.`}`;
  return figure(
    chart(`Attempts by worker over ${duration(end)}`, draw, sizes),
    caption,
    key(present.map(({ ink, text }) => ({ mark: "area", colour: ink, text }))),
  );
}

/** The end of a long name tells workers apart. */
function clipped(name: string, most: number): string {
  return name.length <= most ? name : `\u2026${name.slice(1 - most)}`;
}
