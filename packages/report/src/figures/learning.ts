import * as Plot from "@observablehq/plot";
import type { CurvePoint, MemberRow } from "@manyfold/protocol";
import { median } from "simple-statistics";
import { count, counted, number } from "../format.ts";
import { html, type Html } from "../html.ts";
import { axis, chart, colour, extent, figure, lineLabels, wantsLog, type Size } from "../plot.ts";

/** Points that all thin lines together may have; beyond, each line is thinned evenly. */
const budget = 6000;
/** More lines than this are a smear. */
const mostLines = 200;

interface Point {
  readonly member: number;
  readonly epoch: number;
  readonly loss: number;
}

type Kind = "train" | "held";

/** At most `most` points of a curve, evenly over the epochs, both ends included. */
function thinned(curve: readonly CurvePoint[], most: number): readonly CurvePoint[] {
  if (curve.length <= most) return curve;
  const step = (curve.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => curve[Math.round(i * step)]).flatMap(
    (p) => p ?? [],
  );
}

function pointsOf(member: number, curve: readonly CurvePoint[], kind: Kind): Point[] {
  return curve.flatMap((point) => {
    const loss = point[kind];
    return loss === undefined ? [] : [{ member, epoch: point.epoch, loss }];
  });
}

/** Median over the members that trained in each epoch. */
function medians(members: readonly MemberRow[], kind: Kind): Point[] {
  const byEpoch = new Map<number, number[]>();
  for (const { member, curve = [] } of members) {
    for (const { epoch, loss } of pointsOf(member, curve, kind)) {
      const losses = byEpoch.get(epoch);
      if (losses) losses.push(loss);
      else byEpoch.set(epoch, [loss]);
    }
  }
  return [...byEpoch]
    .sort(([a], [b]) => a - b)
    .map(([epoch, losses]) => ({ member: -1, epoch, loss: median(losses) }));
}

/** Loss over epochs: each member thin, the median bold; held-out loss where there is one. */
export function learningCurves(members: readonly MemberRow[], loss: string): Html | null {
  const trained = members.filter(({ curve }) => curve !== undefined && curve.length > 0);
  if (trained.length === 0) return null;
  const drawn = trained.slice(0, mostLines);
  const perLine = Math.max(12, Math.floor(budget / drawn.length));
  const lines = (kind: Kind) =>
    drawn.flatMap(({ member, curve = [] }) => pointsOf(member, thinned(curve, perLine), kind));
  const [train, held] = [lines("train"), lines("held")];
  const kinds = [
    { name: "training", points: train, middle: medians(trained, "train"), ink: "measured" },
    { name: "held out", points: held, middle: medians(trained, "held"), ink: "law" },
  ] as const;
  const present = kinds.filter(({ middle }) => middle.length > 0);
  const all = [...train, ...held].map(({ loss }) => loss);
  const range = extent(all, { log: wantsLog(all) });
  const single = trained.length === 1;

  const draw = ({ narrow, height }: Size): Plot.PlotOptions => {
    const [marginTop, marginBottom] = [28, 44];
    const labels = present.map(({ name, middle, ink }) => ({
      at: middle.at(-1)?.loss ?? range.low,
      text: name,
      colour: ink,
    }));
    return {
      marginTop,
      marginBottom,
      marginLeft: 56,
      marginRight: 66,
      x: { label: "epoch", labelArrow: "none", labelAnchor: "center", ticks: narrow ? 5 : 10 },
      y: { ...axis(range, `${loss}${range.log ? " (log scale)" : ""}`), grid: true, ticks: 5 },
      marks: [
        ...present.flatMap(({ points, middle, ink }) => [
          single
            ? null
            : Plot.line(points, {
                x: "epoch",
                y: "loss",
                z: "member",
                stroke: colour(ink),
                strokeWidth: 0.75,
                strokeOpacity: 0.35,
              }),
          Plot.line(middle, { x: "epoch", y: "loss", stroke: colour(ink), strokeWidth: 2.5 }),
          middle.length === 1
            ? Plot.dot(middle, { x: "epoch", y: "loss", fill: colour(ink) })
            : null,
        ]),
        ...lineLabels(labels, range, height - marginTop - marginBottom),
      ],
    };
  };

  const kept = trained.flatMap(({ epoch }) => (epoch === undefined ? [] : [epoch]));
  const [low, high] = [Math.min(...kept), Math.max(...kept)];
  const ends = present.map(({ name, middle }) => `${name} ${number(middle.at(-1)?.loss ?? 0)}`);
  const caption = html`${single ? "The loss" : "Thin lines are single members, the bold line their median; the loss"}
  is a mean over rows, penalties excluded. At the last epoch the ${single ? "loss" : "median"} is:
  ${ends.join(", ")}.
  ${kept.length > 0 && (low === high ? `Weights are those of epoch ${count(low)}.` : `Kept are the weights of epoch ${count(low)} to ${count(high)}, by member.`)}
  ${present.length > 1 && "Where held-out loss turns up while training loss still falls, further epochs fit noise."}
  ${trained.length > drawn.length && `Drawn are the first ${count(drawn.length)} of ${count(trained.length)} members; the median is over all.`}`;
  return figure(chart(`Loss over epochs of ${counted(trained.length, "network")}`, draw), caption);
}
