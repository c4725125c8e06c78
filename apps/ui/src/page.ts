import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { BuildOptions } from "esbuild";

/** How the page's program and style become one file each, next to this one. */
export function pageBuild(folder: string): BuildOptions {
  return {
    entryPoints: { "ui-program": `${folder}/main.ts`, "ui-style": `${folder}/style.css` },
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    conditions: ["@manyfold/source"],
    logLevel: "warning",
  };
}

export interface PageParts {
  readonly script: string;
  readonly style: string;
}

/** The page's program and style: made from the sources next to sources, else read. */
export async function loadPage(): Promise<PageParts> {
  if (!import.meta.url.endsWith(".ts")) {
    const read = (name: string) => readFile(new URL(name, import.meta.url), "utf8");
    return { script: await read("./ui-program.js"), style: await read("./ui-style.css") };
  }
  const { build } = await import("esbuild");
  const folder = fileURLToPath(new URL("../page", import.meta.url));
  const { outputFiles } = await build({ ...pageBuild(folder), outdir: "unwritten", write: false });
  const text = (end: string) => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? "";
  return { script: text(".js"), style: text(".css") };
}

export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<title>Manyfold runs</title>
</head>
<body>
<main></main>
<noscript>This page follows runs as they go on, and needs JavaScript for it.</noscript>
<script src="/page.js"></script>
</body>
</html>
`;
