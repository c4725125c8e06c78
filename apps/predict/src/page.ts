import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { BuildOptions } from "esbuild";

/** The two files of an artifact. */
export interface PageArtifact {
  readonly name: string;
  readonly manifest: Uint8Array;
  readonly weights: Uint8Array;
}

/**
 * How the page's program and style become one file each, next to this one. Their names are no
 * module's: one of them would replace it.
 */
export function pageBuild(folder: string): BuildOptions {
  return {
    entryPoints: { "page-program": `${folder}/main.ts`, "page-style": `${folder}/style.css` },
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    conditions: ["@manyfold/source"],
    logLevel: "warning",
  };
}

interface Parts {
  readonly script: string;
  readonly style: string;
}

let parts: Promise<Parts> | undefined;

/** The page's program and style: made from the sources next to sources, else read. */
async function loadParts(): Promise<Parts> {
  if (!import.meta.url.endsWith(".ts")) {
    const read = (name: string) => readFile(new URL(name, import.meta.url), "utf8");
    return { script: await read("./page-program.js"), style: await read("./page-style.css") };
  }
  const { build } = await import("esbuild");
  const folder = fileURLToPath(new URL("../page", import.meta.url));
  const { outputFiles } = await build({ ...pageBuild(folder), outdir: "unwritten", write: false });
  const text = (end: string) => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? "";
  return { script: text(".js"), style: text(".css") };
}

/**
 * One HTML file with everything inside: the program, the kernels, manifest and weights. It predicts
 * in the browser, from disk too, with the bits of command line and server.
 */
export async function renderPage({ name, manifest, weights }: PageArtifact): Promise<string> {
  parts ??= loadParts();
  const { script, style } = await parts;
  const inlined = (id: string, bytes: Uint8Array) =>
    `<script type="application/octet-stream" id="${id}">${Buffer.from(bytes).toString("base64")}</script>`;
  const title = name.replace(/[&<>"]/g, (mark) => `&#${mark.charCodeAt(0)};`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; img-src data:; connect-src blob:">
<link rel="icon" href="data:,">
<title>${title} - Manyfold</title>
<style>${style.replaceAll("</style", "<\\/style")}</style>
</head>
<body>
<main></main>
<noscript>This page computes its predictions itself, and needs JavaScript for it.</noscript>
${inlined("manifest", manifest)}
${inlined("weights", weights)}
<script>${script.replaceAll("</script", "<\\/script")}</script>
</body>
</html>
`;
}
