import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { encodeRows, inputsFromRecords } from "@manyfold/data";
import { csvLine, encodeArtifact, openArtifact, predictionTable } from "@manyfold/ensemble";
import { ModelSpec, type Preprocessing } from "@manyfold/protocol";
import { expect, onTestFinished, test } from "vitest";
import { createPredictServer, renderPage } from "./index.ts";
import { CHROMIUM, openBrowser } from "./testing/browser.ts";
import { care, careNetworks, content, numeric } from "./testing/tiny-artifact.ts";

const names = Array.from({ length: 16 }, (_, i) => `p${Math.floor(i / 4)}${i % 4}`);
const picture: Preprocessing = {
  inputs: names.map((name) => numeric(name, { min: 0, max: 16, factor: 1 / 16 })),
  target: { task: "classification", column: "side", classes: ["left", "right"] },
  width: 16,
};

/** Two members that weigh the halves of a picture against each other, through hidden units. */
function artifact() {
  const networks = [1, 3].map((strength) =>
    Float32Array.from({ length: 16 * 8 + 8 + 16 + 2 }, (_, at) => {
      if (at >= 136 && at < 152) return at % 2 === (at < 144 ? 0 : 1) ? strength : -strength;
      const [pixel, unit] = [Math.floor(at / 8), at % 8];
      return at < 128 && pixel % 4 < 2 === unit < 4 ? 0.3 + unit / 70 : 0;
    }),
  );
  const model = ModelSpec.parse({ layers: [{ dense: { units: 8, activation: "tanh" } }] });
  return encodeArtifact({ ...content(picture, 2), model }, networks);
}

async function opened(files: { manifest: Uint8Array; weights: Uint8Array }) {
  const folder = await mkdtemp(join(tmpdir(), "manyfold-page-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "page.html");
  await writeFile(path, await renderPage({ name: "<b>tiny", ...files }));
  const browser = await openBrowser();
  onTestFinished(() => browser.close());
  const tab = await browser.newPage();
  const complaints: string[] = [];
  tab.on("pageerror", (error) => complaints.push(error.message));
  tab.on("request", (request) => {
    if (/^(https?|wss?):/.test(request.url())) complaints.push(request.url());
  });
  await tab.goto(pathToFileURL(path).href);
  return { tab, complaints, folder };
}

test.skipIf(CHROMIUM === undefined)(
  "a page from disk: draw, see members, drop a CSV and get the library's and the server's bits",
  async () => {
    const files = artifact();
    const { tab, complaints, folder } = await opened(files);
    expect(await tab.title()).toBe("<b>tiny - Manyfold");
    const canvas = tab.locator("canvas");
    const box = await canvas.boundingBox();
    for (const [side, x] of [
      ["right", 0.8],
      ["left", 0.2],
    ] as const) {
      await tab.getByRole("button", { name: "Clear" }).click();
      await tab.mouse.move(box!.x + x * box!.width, box!.y + 0.1 * box!.height);
      await tab.mouse.down();
      await tab.mouse.move(box!.x + x * box!.width, box!.y + 0.9 * box!.height, { steps: 4 });
      await tab.mouse.up();
      expect(await tab.locator("#label").textContent()).toBe(side);
    }
    expect(await tab.locator("#answer").textContent()).toContain("2 of 2 members say so");

    const rows = Array.from({ length: 70 }, (_, i) =>
      Object.fromEntries(names.map((name, j) => [name, ((i * 7 + j * 5) % 33) / 2])),
    );
    const text = [names, ...rows.map((row) => names.map((name) => String(row[name])))]
      .map(csvLine)
      .join("\n");
    await writeFile(join(folder, "rows.csv"), text);
    await tab.locator("#csv").setInputFiles(join(folder, "rows.csv"));
    const link = tab.getByRole("link", { name: "Save rows-predicted.csv" });
    const href = await link.getAttribute("href");
    const browserText = await tab.evaluate(async (url) => (await fetch(url)).text(), href ?? "");

    const ensemble = openArtifact(files.manifest, files.weights);
    const x = encodeRows(picture, inputsFromRecords(picture, rows));
    const table = predictionTable(picture.target, ensemble.predict(x));
    expect(browserText).toBe(`${[table.header, ...table.rows()].map(csvLine).join("\n")}\n`);
    const server = await createPredictServer({ artifact: ensemble });
    onTestFinished(() => server.close());
    const answer = await server.inject({
      method: "POST",
      url: "/predict",
      payload: text,
      headers: { "content-type": "text/csv" },
    });
    expect(answer.body).toBe(browserText);

    await writeFile(join(folder, "wrong.csv"), "a,b\n1,2\n");
    await tab.locator("#csv").setInputFiles(join(folder, "wrong.csv"));
    await tab.getByRole("alert").waitFor();
    expect(await tab.getByRole("alert").textContent()).toContain("for the input p00");
    expect(complaints).toEqual([]);
  },
);

test.skipIf(CHROMIUM === undefined)(
  "values: sliders move the prediction, a missing value is one",
  async () => {
    const { tab, complaints } = await opened(encodeArtifact(content(care, 2), careNetworks));
    await tab.getByLabel("age, exactly").fill("52");
    await tab.getByLabel("smoker").selectOption("yes");
    await tab.getByLabel("region").selectOption("south");
    expect(await tab.locator("#label").textContent()).toBe("172.5");
    await tab.getByLabel("age, exactly").fill("");
    // As the server's own test of a missing age: 14.5 and 1.
    expect(await tab.locator("#label").textContent()).toBe("177.5");
    expect(await tab.locator("svg").count()).toBeGreaterThan(2);
    expect(complaints).toEqual([]);
  },
);
