import type { RunResult, Weighing } from "@manyfold/protocol";
import { seriesFigure } from "../figures/series.ts";
import { count, number } from "../format.ts";
import { html, type Html } from "../html.ts";
import { table } from "../table.ts";

/** A look with an estimate, flat. */
type Look = NonNullable<Weighing["estimate"]> & Pick<Weighing, "members" | "enough">;

/** The looks at a growing bag (`ensemble.stop`), and how they ended. */
export function growth({ looks, ended }: NonNullable<RunResult["growth"]>): Html {
  const seen = looks.flatMap(({ members, enough, estimate }): Look[] =>
    estimate === null ? [] : [{ members, enough, ...estimate }],
  );
  const line = (name: string, value: (look: Look) => number) => ({
    name,
    mark: "line" as const,
    points: seen.map((look): readonly [number, number] => [look.members, value(look)]),
  });
  const picture =
    seen.length > 1 &&
    seriesFigure({
      title: html`The gain still to be had from more members, estimated out of bag after each step,
      its upper bound, and what was tolerated.`,
      label: "Gain still to be had against the number of members, with its bound and the tolerance",
      x: "members, k",
      y: "error",
      log: "y",
      series: [
        line("gain (v \u2212 c)/k", ({ gain }) => gain),
        line("upper bound", ({ upper }) => upper),
        line("tolerated", ({ allowed }) => allowed),
      ],
    });
  return html`<p>${ended}</p>
    ${picture}
    ${
      seen.length > 0 &&
      table({
        caption: "Looks at the growing bag, by out-of-bag rows",
        columns: [
          { title: "members", names: true, cell: ({ members }) => count(members) },
          { title: "v", align: "right", cell: ({ v }) => number(v) },
          { title: "c", align: "right", cell: ({ c }) => number(c) },
          { title: "gain (v \u2212 c)/k", align: "right", cell: ({ gain }) => number(gain) },
          { title: "upper bound", align: "right", cell: ({ upper }) => number(upper) },
          { title: "tolerated", align: "right", cell: ({ allowed }) => number(allowed) },
        ],
        rows: seen,
        marked: ({ enough }) => enough,
      })
    }
    <p class="note">
      Each look is sure by itself; a bag that is looked at often has as many chances to be thought
      enough too early. Rows that chose the number of members assess nothing: their score is marked
      biased.
    </p>`;
}
