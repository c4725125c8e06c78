import type { LearningCurve } from "@manyfold/protocol";
import { rowsCurve } from "../figures/rows.ts";
import { count, number, percent, range } from "../format.ts";
import { html, type Html } from "../html.ts";
import type { Subject } from "../subject.ts";
import { table } from "../table.ts";

/** What more training rows bring. */
export function rowsSection(found: LearningCurve, subject: Subject): Html {
  const { points, gains, sentences } = found;
  const level = gains[0]?.interval.level ?? 0.95;
  return html`${rowsCurve(found, subject.errorAxis)}
    <ul class="sentences">
      ${sentences.map((sentence) => html`<li>${sentence}</li>`)}
    </ul>
    ${table({
      caption: `${subject.error} by number of training rows, on the test rows`,
      columns: [
        { title: "training rows", names: true, cell: ({ rows }) => count(rows) },
        { title: "subsets", align: "right", cell: ({ subsets }) => count(subsets) },
        { title: "a member, v", align: "right", cell: ({ v }) => number(v) },
        { title: "shared, c", align: "right", cell: ({ c }) => c !== null && number(c) },
        { title: "their mean", align: "right", cell: ({ error }) => number(error) },
        {
          title: `less than above (${percent(level, 0)}, these networks, new rows)`,
          align: "right",
          cell: ({ rows }) => {
            const gain = gains.find(({ to }) => to === rows);
            return gain ? `${number(gain.gain)} (${range(gain.interval)})` : null;
          },
        },
      ],
      rows: points,
    })}`;
}
