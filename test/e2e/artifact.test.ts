import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { decodeSafetensors, openArtifact } from "@manyfold/ensemble";
import { readArtifact } from "@manyfold/files";
import {
  AnalysisDocument,
  type ErrorAnalysis,
  type ExperimentInput,
  ReportDocument,
} from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { bag, chosen, dropout, subspaces, writeExperiment } from "./experiments.ts";
import { temporaryFolder } from "./folder.ts";
import { document, manyfold, start } from "./program.ts";
import { readSafetensors } from "./safetensors.ts";

const folder = temporaryFolder();
const out = join(folder, "runs");

/** A CSV text without quotes as rows by column name. */
function rowsOf(text: string): Record<string, string>[] {
  const [header = "", ...lines] = text.trimEnd().split("\n");
  const names = header.split(",");
  return lines.map((line) => {
    const cells = line.split(",");
    return Object.fromEntries(names.map((name, i) => [name, cells[i] ?? ""]));
  });
}

interface Kind {
  readonly experiment: ExperimentInput;
  /** Output names, and the columns that hold them in predictions.csv and in what predict prints. */
  readonly columns: readonly (readonly [combined: string, predicted: string])[];
}

const CLASSES = ["ash", "birch", "cedar"].map((kind) => [`combined.${kind}`, `p.${kind}`] as const);
const KINDS: readonly Kind[] = [
  { experiment: bag, columns: CLASSES },
  {
    experiment: {
      ...bag,
      name: "median-bag",
      ensemble: { bagging: { members: 5 }, combine: "median" },
    },
    columns: CLASSES,
  },
  {
    experiment: {
      ...bag,
      name: "weighted-bag",
      ensemble: { bagging: { members: 5 }, combine: { weighted: {} } },
    },
    columns: CLASSES,
  },
  { experiment: dropout, columns: CLASSES },
  { experiment: chosen, columns: CLASSES },
  {
    experiment: subspaces,
    columns: [
      ["combined.grain", "grain"],
      ["combined.straw", "straw"],
    ],
  },
  {
    experiment: {
      ...subspaces,
      name: "one-target",
      data: { ...subspaces.data, target: "grain", columns: { straw: "ignore" } },
    },
    columns: [["combined", "grain"]],
  },
];

const HttpAnswer = z.object({
  predictions: z.array(
    z.object({
      probabilities: z.record(z.string(), z.number()).optional(),
      values: z.record(z.string(), z.number()).optional(),
    }),
  ),
});
const AnalyzeAnswer = AnalysisDocument.extend({ status: z.literal("done") });

describe.each(KINDS)("$experiment.name", ({ experiment, columns }) => {
  test("one set of numbers: run, predict, serve, analyze, and a second reader", async () => {
    const config = writeExperiment(folder, experiment);
    const run = await document(["run", config, "--out", out]);
    const artifact = run.artifact ?? "";

    // The weights, by a reader that shares nothing with ours, are what the ensemble computes with.
    const bytes = await readArtifact(artifact);
    const ensemble = openArtifact(bytes.manifest, bytes.weights);
    const tensors = readSafetensors(join(artifact, "weights.safetensors"));
    const ours = decodeSafetensors(bytes.weights);
    expect([...tensors.keys()]).toEqual([...ours.keys()]);
    for (const [name, { shape, values }] of ours) {
      expect(tensors.get(name)).toEqual({ shape, values: [...values] });
    }
    const networks = new Set(ensemble.manifest.members.map(({ network }) => network));
    const named = new Set([...tensors.keys()].map((name) => Number(name.split(".")[1])));
    expect(named).toEqual(networks);

    // The rows that were held out, as a file to predict.
    const predictions = rowsOf(readFileSync(join(run.runDir, "predictions.csv"), "utf8"));
    const source = join(dirname(config), experiment.data.source);
    const [header = "", ...lines] = readFileSync(source, "utf8").trimEnd().split("\n");
    const held = [header, ...predictions.map(({ row }) => lines[Number(row)] ?? "")];
    const table = join(dirname(config), "held.csv");
    writeFileSync(table, `${held.join("\n")}\n`);
    const combined = predictions.map((row) => columns.map(([name]) => row[name]));
    expect(combined.flat()).not.toContain(undefined);

    const predicted = await manyfold(["predict", artifact, table]);
    expect(predicted).toMatchObject({ code: 0, stderr: "" });
    const numbers = rowsOf(predicted.stdout).map((row) => columns.map(([, name]) => row[name]));
    expect(numbers).toEqual(combined);

    const served = await serve(artifact, recordsOf(experiment, held.join("\n"), ensemble));
    const answers = served.predictions.map(({ probabilities, values }) =>
      columns.map(([, name]) => String((probabilities ?? values)?.[name.replace(/^p\./, "")])),
    );
    expect(answers).toEqual(combined);

    // The analysis of the file is the analysis of the run.
    const { result } = ReportDocument.parse(
      JSON.parse(readFileSync(join(run.runDir, "report.json"), "utf8")),
    );
    const file = join(run.runDir, "predictions.csv");
    const rows = ["--rows", "test", "--out", join(run.runDir, "again")];
    const analysed = await manyfold(["analyze", file, "--target", "target", "--json", ...rows]);
    expect(analysed).toMatchObject({ code: 0 });
    const { analysis, observatory } = AnalyzeAnswer.parse(JSON.parse(analysed.stdout));
    expect(numbersOf(analysis)).toEqual(numbersOf(result.analysis));
    expect(observatory.centred).toEqual(result.observatory?.centred);
    expect(readFileSync(join(run.runDir, "again", "analysis.html"), "utf8")).toContain("</html>");
    expect(run.analysis).toMatchObject(numbersOf(analysis));
  });
});

test("one target of several is analysed by its own columns", async () => {
  const text = `target.a,target.b,member_0.a,member_0.b,member_1.a,member_1.b
1,10,0,10,2,12
3,30,3,33,4,30
`;
  const table = join(folder, "several.csv");
  writeFileSync(table, text);
  const numbers = async (target: string) => {
    const { stdout } = await manyfold(["analyze", table, "--target", target, "--json"]);
    return numbersOf(AnalyzeAnswer.parse(JSON.parse(stdout)).analysis);
  };
  // Errors of a: -1, 0 and 1, 1; of b: 0, 3 and 2, 0.
  expect(await numbers("target.a")).toMatchObject({ k: 2, v: 0.75, c: -0.5, ensembleError: 0.125 });
  expect(await numbers("target.b")).toMatchObject({ k: 2, v: 3.25, c: 0, ensembleError: 1.625 });
  expect(await numbers("target")).toMatchObject({ k: 2, v: 2, c: -0.25, ensembleError: 0.875 });
});

function numbersOf(analysis: ErrorAnalysis | null) {
  if (!analysis) throw new Error("There is no analysis.");
  const { v, c, k, rows, rho, ensembleError, predictedError, identityGap } = analysis;
  return { v, c, k, rows, rho, ensembleError, predictedError, identityGap };
}

/** Rows as the server takes them: inputs only, numbers as numbers, nothing where nothing is. */
function recordsOf(
  { data }: ExperimentInput,
  text: string,
  { manifest }: ReturnType<typeof openArtifact>,
): Record<string, unknown>[] {
  const { inputs } = manifest.preprocessing;
  expect(inputs.map(({ name }) => name)).not.toContain(data.target);
  return rowsOf(text).map((row) =>
    Object.fromEntries(
      inputs.map(({ name, kind }) => {
        const cell = row[name] ?? "";
        if (cell === "") return [name, null];
        if (kind === "boolean") return [name, cell === "yes"];
        return [name, kind === "numeric" ? Number(cell) : cell];
      }),
    ),
  );
}

/** What `manyfold serve` answers to some rows. */
async function serve(artifact: string, rows: readonly unknown[]) {
  const { process: server, outcome } = start(["serve", artifact, "--port", "0"]);
  const url = await new Promise<string>((resolve, reject) => {
    let said = "";
    server.stderr.on("data", (text: string) => {
      said += text;
      const [found] = /http:\S+/.exec(said) ?? [];
      if (found !== undefined) resolve(found);
    });
    server.once("exit", () => reject(new Error(said)));
  });
  try {
    const response = await fetch(`${url}/predict`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ rows }),
    });
    const answer: unknown = await response.json();
    expect({ status: response.status, answer }).toMatchObject({ status: 200 });
    return HttpAnswer.parse(answer);
  } finally {
    server.kill("SIGINT");
    const { code, stdout } = await outcome;
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  }
}
