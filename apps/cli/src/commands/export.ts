import { encodeOnnx, openArtifact } from "@manyfold/ensemble";
import { readArtifact, writeFileAtomic } from "@manyfold/files";
import { Option, type Command } from "commander";
import { print, tell } from "../terminal.ts";

interface ExportFlags {
  format: Format;
  out: string;
  json?: boolean;
}

interface Source {
  readonly folder: string;
  readonly manifest: Uint8Array;
  readonly weights: Uint8Array;
}

/** What an artifact can become. */
const FORMATS = {
  web: async ({ folder, manifest, weights }: Source): Promise<string> => {
    const { renderPage } = await import("@manyfold/predict");
    const { name } = openArtifact(manifest, weights, folder).manifest;
    return renderPage({ name, manifest, weights });
  },
  onnx: async ({ folder, manifest, weights }: Source): Promise<Uint8Array> =>
    encodeOnnx(manifest, weights, folder),
};
type Format = keyof typeof FORMATS;

export function registerExport(program: Command): void {
  program
    .command("export")
    .description("write an artifact as one file that works elsewhere")
    .argument("<artifact>", "an artifact's folder")
    .addOption(
      new Option("--format <format>", "what to write")
        .choices(Object.keys(FORMATS))
        .makeOptionMandatory(),
    )
    .requiredOption("--out <file>", "the file to write")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Formats:
  web    one HTML page with everything inside: predicts in any browser, from disk, without a server
  onnx   the whole ensemble as one ONNX model (operator set 19): preprocessing, members, combiner,
         calibration, intervals or sets; an input a column

Example:
  manyfold export runs/iris-tiny-20260101-120000-1a2b/artifact --format web --out iris.html
`,
    )
    .action(async (folder: string, { format, out, json }: ExportFlags) => {
      const { manifest, weights } = await readArtifact(folder);
      const bytes = await FORMATS[format]({ folder, manifest, weights });
      await writeFileAtomic(out, typeof bytes === "string" ? [bytes] : bytes);
      if (json) print(JSON.stringify({ status: "done", format, out, bytes: bytes.length }));
      else tell(`${out}: ${(bytes.length / 2 ** 20).toFixed(1)} MiB`);
    });
}
