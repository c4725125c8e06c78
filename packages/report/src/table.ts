import { html, type Content, type Html } from "./html.ts";

export interface Column<Row> {
  readonly title: Content;
  readonly cell: (row: Row) => Content;
  /** Numbers stand to the right so that their digits line up; texts to the left (the default). */
  readonly align?: "right";
  /** The column that names the row. */
  readonly names?: true;
}

export interface TableOptions<Row> {
  /** What the table holds; also the name of the area it scrolls in. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly marked?: (row: Row) => boolean;
}

/** A table with headers; on a narrow page it scrolls within its own area, which keys can reach. */
export function table<Row>(options: TableOptions<Row>): Html {
  const { caption, columns, rows } = options;
  const side = (column: Column<Row>) => (column.align === "right" ? "number" : "text");
  const head = columns.map(
    (column) => html`<th scope="col" class="${side(column)}">${column.title}</th>`,
  );
  const body = rows.map((row) => {
    const cells = columns.map((column) =>
      column.names
        ? html`<th scope="row" class="${side(column)}">${column.cell(row)}</th>`
        : html`<td class="${side(column)}">${column.cell(row)}</td>`,
    );
    return html`<tr${options.marked?.(row) === true && html` class="marked"`}>${cells}</tr>\n`;
  });
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${head}
        </tr>
      </thead>
      <tbody>
        ${body}
      </tbody>
    </table>
  </div>`;
}

/** A path into the configuration; a line may break after its dots. */
export function path(name: string): Html {
  const parts = name.split(".");
  return html`<code
    >${parts.map((part, index) => html`${index > 0 && html`.<wbr />`}${part}`)}</code
  >`;
}

/** Names and values, one under the other. */
export function facts(entries: readonly (readonly [Content, Content])[]): Html {
  return html`<dl>
    ${entries.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}
