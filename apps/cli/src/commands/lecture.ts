import { join } from "node:path";
import { Option, type Command } from "commander";
import { readCells, writeFileAtomic } from "@manyfold/files";
import type { Language, Materials, Result } from "@manyfold/lecture";
import { EXIT, print, tell } from "../terminal.ts";

interface Options {
  readonly lang: Language;
  readonly out?: string;
  readonly json?: boolean;
}

/** The repository's data, which the program is run with: the same from its sources and built. */
const DIGITS = join(import.meta.dirname, "../../../../configs/data/digits.csv");

export function registerLecture(program: Command): void {
  program
    .command("lecture")
    .description("measure the lecture's claims on networks, their regularisation and optimisation")
    .argument("[row]", "one row (C5) or one chapter (C) instead of all 75 rows")
    .addOption(new Option("--lang <language>", "of texts").choices(["en", "zh"]).default("en"))
    .option("--out <file>", "write a page with the formulas, measurements and pictures")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Every verdict is computed by the run; it exits with 1 if any row does not hold.

Examples:
  manyfold lecture C5
  manyfold lecture E --lang zh --out lecture.html
`,
    )
    .action(async (name: string | undefined, { lang, out, json }: Options) => {
      const { describeResult, galleryDocument, renderGallery, rowsNamed, runRow } =
        await import("@manyfold/lecture");
      const rows = rowsNamed(name);
      const materials = await readMaterials();
      const results: Result[] = [];
      for (const row of rows) {
        const result = runRow(row, materials);
        results.push(result);
        if (!json) print(`${describeResult(result, lang)}\n`);
      }
      const failed = results.filter(({ verdict }) => verdict !== "holds");
      if (json) print(JSON.stringify(galleryDocument(results)));
      else print(`${results.length - failed.length} / ${results.length}`);
      if (out !== undefined) {
        await writeFileAtomic(out, renderGallery(results, lang));
        tell(out);
      }
      if (failed.length > 0) process.exitCode = EXIT.someFailed;
    });
}

async function readMaterials(): Promise<Materials> {
  const { rows } = await readCells(DIGITS);
  return {
    digits: {
      x: Float32Array.from(rows.flatMap((row) => row.slice(0, 64).map(Number))),
      y: Float32Array.from(rows, (row) => Number(row[64])),
    },
  };
}
