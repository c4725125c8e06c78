import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { loadEnsemble } from "manyfold";
import { expect, onTestFinished, test } from "vitest";
import { CHROMIUM, openBrowser } from "../../apps/predict/src/testing/browser.ts";
import { bag, dropout, subspaces, writeExperiment } from "./experiments.ts";
import { temporaryFolder } from "./folder.ts";
import { document, manyfold } from "./program.ts";

const root = join(import.meta.dirname, "../..");
const folder = temporaryFolder();

// As a user's page has it: the package by its name, and a bundler for browsers.
const program = `
  import { loadEnsemble } from "manyfold";
  globalThis.predictRows = async (address, rows) => {
    const model = await loadEnsemble(address);
    const { values, spread } = model.predictRows(rows);
    return { values: [...values], spread: [...spread] };
  };
  globalThis.refusal = async (address) => {
    try { await loadEnsemble(address); } catch (error) { return error.message; }
  };
`;

/** A page with the program in it, and the artifact's two files below `/model`. */
async function pageOver(artifact: string) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    stdin: { contents: program, resolveDir: root },
    bundle: true,
    format: "iife",
    platform: "browser",
    conditions: ["@manyfold/source"],
    write: false,
  });
  const script = outputFiles[0]?.text ?? "";
  const server = createServer((request, response) => {
    const [, name] = /^\/model\/([a-z.]+)$/.exec(request.url ?? "") ?? [];
    if (request.url === "/") {
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.end(
        `<!doctype html><script>${script.replaceAll("</script", "<\\/script")}</script>`,
      );
    } else {
      readFile(join(artifact, name ?? "none")).then(
        (bytes) => response.end(bytes),
        () => response.writeHead(404).end(),
      );
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => void server.close());
  const browser = await openBrowser();
  onTestFinished(() => browser.close());
  const tab = await browser.newPage();
  await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return tab;
}

/** Cells of a CSV text without quotes, by column. */
function columnsOf(text: string): ReadonlyMap<string, string[]> {
  const [header = "", ...lines] = text.trimEnd().split("\n");
  const cells = lines.map((line) => line.split(","));
  return new Map(header.split(",").map((name, i) => [name, cells.map((row) => row[i] ?? "")]));
}

test.skipIf(CHROMIUM === undefined).for([bag, dropout, subspaces])(
  "$name: the library in a browser gives the bits of the library in Node and of the command",
  async (experiment) => {
    const config = writeExperiment(folder, experiment);
    const { artifact } = await document(["run", config, "--out", join(folder, "runs")]);
    const source = join(dirname(config), experiment.data.source);
    const model = await loadEnsemble(artifact ?? "");
    const table = columnsOf(await readFile(source, "utf8"));
    const { inputs, target } = model.manifest.preprocessing;
    const count = [...table.values()][0]?.length ?? 0;
    const rows = Array.from({ length: count }, (_, row) =>
      Object.fromEntries(
        inputs.map(({ name, kind }) => {
          const cell = table.get(name)?.[row] ?? "";
          if (cell === "") return [name, null];
          return [
            name,
            kind === "numeric" ? Number(cell) : kind === "boolean" ? cell === "yes" : cell,
          ];
        }),
      ),
    );

    const node = model.predictRows(rows);
    const tab = await pageOver(artifact ?? "");
    const seen = await tab.evaluate(`predictRows("/model", ${JSON.stringify(rows)})`);
    expect(seen).toEqual({ values: [...node.values], spread: [...node.spread] });

    const predicted = columnsOf((await manyfold(["predict", artifact ?? "", source])).stdout);
    const names =
      target.task === "classification"
        ? target.classes.map((name) => `p.${name}`)
        : target.columns.map(({ name }) => name);
    const told = rows.flatMap((_, row) => names.map((name) => Number(predicted.get(name)?.[row])));
    expect(told).toEqual([...node.values]);

    const refusal = await tab.evaluate(`refusal("/nothing")`);
    expect(refusal).toMatch(
      /^\/nothing\/manifest.json must be a file of the artifact, got status 404/,
    );
  },
);
