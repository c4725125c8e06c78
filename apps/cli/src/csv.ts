import { writeFileAtomic } from "@manyfold/files";

/** One line of CSV, quoted where it has to be (RFC 4180). */
function csvLine(cells: readonly string[]): string {
  return cells
    .map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell))
    .join(",");
}

/** A whole CSV text. */
export function csvText(header: readonly string[], rows: Iterable<readonly string[]>): string {
  const lines = [csvLine(header)];
  for (const row of rows) lines.push(csvLine(row));
  return `${lines.join("\n")}\n`;
}

/** Writes a CSV file, whole or not at all. */
export async function writeCsv(
  path: string,
  header: readonly string[],
  rows: Iterable<readonly string[]>,
): Promise<void> {
  await writeFileAtomic(path, csvText(header, rows));
}
