import { count, counted, percent } from "../format.ts";
import { html, type Html } from "../html.ts";
import { figure } from "../plot.ts";
import { table } from "../table.ts";

/** More classes than this are listed by their most frequent confusions instead. */
const mostClasses = 26;
const mostConfusions = 20;

interface Confusion {
  readonly truth: string;
  readonly predicted: string;
  readonly rows: number;
  readonly share: number;
}

/** The confusions of a matrix, most frequent first. */
function confusions(
  counts: readonly (readonly number[])[],
  classes: readonly string[],
): Confusion[] {
  const name = (index: number) => classes[index] ?? `class ${count(index)}`;
  return counts
    .flatMap((row, i) => {
      const total = row.reduce((sum, rows) => sum + rows, 0);
      return row.map((rows, j) => ({
        truth: name(i),
        predicted: name(j),
        rows: i === j ? 0 : rows,
        share: rows / total,
      }));
    })
    .filter(({ rows }) => rows > 0)
    .sort((a, b) => b.rows - a.rows);
}

function matrix(counts: readonly (readonly number[])[], classes: readonly string[]): Html {
  const head = classes.map((name) => html`<th scope="col">${name}</th>`);
  const rows = counts.map((row, i) => {
    const total = row.reduce((sum, rows_) => sum + rows_, 0);
    const cells = row.map((rows_, j) => {
      const share = total === 0 ? 0 : rows_ / total;
      // Small shares have to be seen too: a confusion of one row in fifty is what people look for.
      const shade = rows_ === 0 ? "0" : (12 + 68 * Math.sqrt(share)).toFixed(0);
      const kind = i === j ? "right" : "wrong";
      const value = rows_ === 0 ? html`<span class="zero">0</span>` : count(rows_);
      return html`<td class="${kind}" style="--share:${shade}%">${value}</td>`;
    });
    const recall = total === 0 ? "no rows" : percent((row[i] ?? 0) / total, 0);
    return html`<tr>
      <th scope="row">${classes[i] ?? count(i)}</th>
      ${cells}
      <td class="recall">${recall}</td>
    </tr> `;
  });
  return html`<div class="scroll fit" role="region" aria-label="Confusion matrix" tabindex="0">
    <table class="confusion">
      <caption>
        Rows: true class. Columns: predicted class.
      </caption>
      <thead>
        <tr>
          <td></td>
          ${head}
          <th scope="col">right</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

/** What was taken for what: a shaded table, or the most frequent confusions of many classes. */
export function confusionMatrix(
  counts: readonly (readonly number[])[],
  classes: readonly string[],
): Html {
  const found = confusions(counts, classes);
  const total = counts.flat().reduce((sum, rows) => sum + rows, 0);
  const wrong = found.reduce((sum, { rows }) => sum + rows, 0);
  const [worst] = found;
  const summary = html`Of ${counted(total, "row")}, ${count(total - wrong)} are on the diagonal
  (right) and ${count(wrong)} beside it.
  ${worst !== undefined && html`Most frequent confusion: true ${worst.truth} taken for ${worst.predicted}, ${counted(worst.rows, "row")}.`}`;
  if (counts.length <= mostClasses) {
    return figure(
      matrix(counts, classes),
      html`${summary} Shades follow the share of the row: blue where right, orange where wrong.`,
    );
  }
  return figure(
    table({
      caption: `The ${count(Math.min(mostConfusions, found.length))} most frequent confusions`,
      columns: [
        { title: "true class", names: true, cell: ({ truth }) => truth },
        { title: "taken for", cell: ({ predicted }) => predicted },
        { title: "rows", align: "right", cell: ({ rows }) => count(rows) },
        { title: "share of the class", align: "right", cell: ({ share }) => percent(share) },
      ],
      rows: found.slice(0, mostConfusions),
    }),
    summary,
  );
}
