import type { Cells } from "@manyfold/data";
import { ManyfoldError, nearest, show } from "@manyfold/protocol";

/** What to say of an option that names a column which is not there. */
export function noColumn({ header, source }: Cells, option: string, got: string): ManyfoldError {
  const near = nearest(got, header);
  return new ManyfoldError({
    code: "usage",
    path: option,
    condition: `a column of ${source}`,
    got: show(got),
    help: near === undefined ? `Columns: ${header.join(", ")}` : `Did you mean ${near}?`,
  });
}

/**
 * A column as finite numbers.
 *
 * @throws ManyfoldError naming file, line and column of a cell that is none
 */
export function numbers(cells: Cells, column: number): Float64Array {
  return Float64Array.from(cells.rows, (row, index) => {
    const cell = (row[column] ?? "").trim();
    const value = Number(cell);
    if (cell !== "" && Number.isFinite(value)) return value;
    throw new ManyfoldError({
      code: "input",
      path: `${cells.source}:${cells.lines[index]} column ${cells.header[column]}`,
      condition: "a finite number",
      got: show(cell),
    });
  });
}
