import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { enginePortrait } from "./portrait.ts";

const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => existsSync(path),
);

const PAGE = `
  import { enginePortrait } from "./portrait.ts";
  document.body.textContent = JSON.stringify(enginePortrait());
`;

const here = enginePortrait();

test("the kernels agree with js in Node", () => {
  const { uses, differences, weights } = here;
  expect(uses).toBeGreaterThan(400);
  expect(differences).toEqual([]);
  expect(weights.js).toHaveLength(64);
  expect(weights.plain).toEqual(weights.js);
});

test.skipIf(chromium === undefined)("and in Chromium, with the same weights", async () => {
  const { outputFiles } = await build({
    stdin: { contents: PAGE, resolveDir: import.meta.dirname, loader: "ts" },
    bundle: true,
    format: "iife",
    conditions: ["@manyfold/source"],
    write: false,
  });
  const folder = mkdtempSync(join(tmpdir(), "manyfold-browser-"));
  const page = join(folder, "page.html");
  const script = (outputFiles[0]?.text ?? "").replaceAll("</script", "<\\/script");
  writeFileSync(page, `<!doctype html><body><script>${script}</script></body>`);
  const profile = `--user-data-dir=${join(folder, "profile")}`;
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", profile];
  const { stdout } = spawnSync(chromium ?? "", [...flags, "--dump-dom", page], {
    encoding: "utf8",
    timeout: 50_000,
  });
  rmSync(folder, { recursive: true, force: true });
  const text = /<body>(\{.*\})<\/body>/s.exec(stdout)?.[1] ?? "null";
  expect(JSON.parse(text)).toEqual(here);
});
