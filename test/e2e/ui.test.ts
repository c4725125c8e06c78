import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { CHROMIUM, openBrowser } from "../../apps/predict/src/testing/browser.ts";
import { search, writeExperiment } from "./experiments.ts";
import { temporaryFolder } from "./folder.ts";
import { document, start } from "./program.ts";

const folder = temporaryFolder();
const out = join(folder, "runs");

/** The page over a folder, by the program itself. */
async function served(): Promise<string> {
  const { process, outcome } = start(["ui", out, "--port", "0", "--json"]);
  onTestFinished(async () => {
    process.kill("SIGTERM");
    expect((await outcome).code).toBe(0);
  });
  const [line] = (await process.stdout.take(1).toArray()) as string[];
  const { status, url } = JSON.parse(line ?? "") as { status: string; url: string };
  expect(status).toBe("serving");
  return url;
}

test.skipIf(CHROMIUM === undefined)(
  "the live page: a run appears, its trials land while another process writes them, and it ends",
  async () => {
    mkdirSync(out);
    const url = await served();
    const browser = await openBrowser();
    onTestFinished(() => browser.close());
    const tab = await browser.newPage();
    const complaints: string[] = [];
    tab.on("pageerror", (error) => complaints.push(error.message));
    tab.on("console", (message) => complaints.push(message.text()));
    await tab.goto(url);
    await tab.getByText("No runs yet").waitFor();

    const config = writeExperiment(folder, search);
    const run = document(["run", config, "--out", out]);
    const card = tab.locator("[data-run]").first();
    await card.waitFor();
    const id = (await card.getAttribute("data-run")) ?? "";
    await tab.goto(`${url}/#/runs/${id}`);
    await tab.locator(".tiles").getByText("6 of 6 trials").waitFor();
    await tab.locator("h1 .pill.done").waitFor();
    const { best, trials = [], runDir } = await run;
    expect(runDir.endsWith(id)).toBe(true);
    // The best trial stands first, with the value that the program printed.
    const cells = await tab.locator("#leaders tbody tr").first().locator("td").allTextContents();
    expect(cells[0]).toBe(String(best?.trial));
    expect(Number(cells[1])).toBeCloseTo(best?.value ?? 0, 3);
    expect(await tab.locator("#leaders tbody tr").count()).toBe(
      trials.filter(({ value }) => value !== null).length,
    );
    for (const part of ["#history svg", "#curves svg", "#members table", "#workers table"]) {
      expect(await tab.locator(part).count()).toBe(1);
    }
    const report = await tab.getByRole("link", { name: "Open its report" }).getAttribute("href");
    expect((await fetch(`${url}${report}`)).status).toBe(200);
    await tab.getByRole("link", { name: "All runs" }).click();
    await tab.locator(`[data-run="${id}"] .pill.done`).waitFor();
    expect(complaints).toEqual([]);
  },
);
