import * as Plot from "@observablehq/plot";
import type { ErrorAnalysis } from "@manyfold/protocol";
import { count, number } from "../format.ts";
import { html, type Html } from "../html.ts";
import {
  axis,
  chart,
  colour,
  extent,
  figure,
  lineLabels,
  type LineLabel,
  type Size,
} from "../plot.ts";

/** Error of each member alone, sorted, against the ensemble's, the mean member's and the floor. */
export function memberErrors(analysis: ErrorAnalysis, error: string): Html | null {
  const { members, floor, ensembleError, v } = analysis;
  if (members.length < 2 || floor === null) return null;
  const ranked = members
    .map(({ member, error: alone }, index) => ({ member, alone, best: index === analysis.best }))
    .sort((a, b) => a.alone - b.alone || a.member - b.member)
    .map((row, index) => ({ ...row, rank: index + 1 }));
  const range = extent([...ranked.map(({ alone }) => alone), floor, ensembleError]);
  const best = ranked.filter((row) => row.best);
  const low = (ranked[0]?.alone ?? 0) - range.low < 0.1 * (range.high - range.low);
  const perfect = members.filter(({ accuracy }) => accuracy === 1).length;
  const rivals = ranked.filter(({ alone }) => alone < ensembleError).length;

  const draw = ({ narrow, height }: Size): Plot.PlotOptions => {
    const [marginTop, marginBottom] = [28, 44];
    const lines: LineLabel[] = [
      { at: v, text: narrow ? "mean" : `mean member ${number(v)}`, colour: "ink" },
      {
        at: ensembleError,
        text: narrow ? "ensemble" : `ensemble ${number(ensembleError)}`,
        colour: "measured",
      },
      { at: floor, text: narrow ? "floor c" : `floor c ${number(floor)}`, colour: "floor" },
    ];
    return {
      marginTop,
      marginBottom,
      marginLeft: 56,
      marginRight: narrow ? 66 : 142,
      x: {
        domain: [0.5, ranked.length + 0.5],
        ticks: [],
        label: "members, best to worst",
        labelArrow: "none",
        labelAnchor: "center",
        labelOffset: 26,
      },
      y: { ...axis(range, `error alone: ${error}`), grid: true },
      marks: [
        Plot.ruleY([v], { stroke: colour("ink"), strokeOpacity: 0.6 }),
        Plot.ruleY([ensembleError], { stroke: colour("measured"), strokeWidth: 2 }),
        Plot.ruleY([floor], { stroke: colour("floor"), strokeWidth: 1.5, strokeDasharray: "2 4" }),
        Plot.dot(ranked, {
          x: "rank",
          y: "alone",
          r: ranked.length > 200 ? 1.5 : 3.5,
          fill: colour("muted"),
          ...(ranked.length <= 200 && {
            title: (row: (typeof ranked)[number]) => `member ${row.member}: ${number(row.alone)}`,
          }),
        }),
        Plot.dot(best, {
          x: "rank",
          y: "alone",
          r: 6,
          symbol: "diamond",
          fill: colour("best"),
          stroke: colour("paper"),
        }),
        Plot.text(best, {
          x: "rank",
          y: "alone",
          text: (row: (typeof ranked)[number]) =>
            `member ${row.member}, the best: ${number(row.alone)}`,
          textAnchor: "start",
          // Every other dot is higher, so that below the best there is room, but for the axis.
          dx: low ? 10 : -4,
          dy: low ? -14 : 17,
          fill: colour("best"),
          stroke: colour("paper"),
          strokeWidth: 4,
        }),
        ...lineLabels(lines, range, height - marginTop - marginBottom),
      ],
    };
  };

  const caption = html`Each dot is one member alone, the best at the left.
  ${
    rivals === 0
      ? "None is as good as the average of all."
      : `${count(rivals)} of ${count(ranked.length)} ${rivals === 1 ? "is" : "are"} better alone than the average of all; which ones could not be known before these rows were scored.`
  }
  ${perfect > 0 && `${count(perfect)} of ${count(ranked.length)} ${perfect === 1 ? "has" : "have"} every row right.`}
  ${range.low !== 0 && "The error axis does not start at 0."}`;
  return figure(
    chart(
      `Error of each of ${count(ranked.length)} members alone, sorted, with the ensemble's error as a line`,
      draw,
    ),
    caption,
  );
}
