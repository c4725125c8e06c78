/**
 * Whether all register blocks of a variant, on every Node given, in main and worker threads, train to
 * the same bits, and `wasm-plain` to those of `js`.
 *
 *   npm run evidence -- nodes [--node PATH]...
 *
 * This Node is always one of them; the npm package `node` brings others.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { z } from "zod";
import { keep } from "./experiments.ts";

const { values: options } = parseArgs({
  options: { node: { type: "string", multiple: true, default: [] } },
});
const Hashes = z.record(z.string(), z.string());
const Portrait = z.strictObject({ node: z.string(), main: Hashes, thread: Hashes });

const folder = mkdtempSync(join(tmpdir(), "manyfold-nodes-"));
const program = join(folder, "trainings.mjs");
await build({
  entryPoints: [join(import.meta.dirname, "node-trainings.ts")],
  outfile: program,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  conditions: ["@manyfold/source"],
});
const portraits = [process.execPath, ...options.node].map((node) => {
  const { status, stdout } = spawnSync(node, [program], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${node} did not run the trainings.`);
  return Portrait.parse(JSON.parse(stdout));
});
rmSync(folder, { recursive: true });

/** Bits that must be one: wasm-plain's and js's, and wasm-fma's. */
const groups = { "js and wasm-plain": /^(js|wasm-plain)/, "wasm-fma": /^wasm-fma/ };
const verdicts = Object.entries(groups).map(([name, pattern]) => {
  const found = portraits.flatMap(({ node, main, thread }) =>
    [main, thread].flatMap((hashes, at) =>
      Object.entries(hashes)
        .filter(([variant]) => pattern.test(variant))
        .map(([variant, hash]) => ({
          where: `${node} ${at ? "thread" : "main"} ${variant}`,
          hash,
        })),
    ),
  );
  const distinct = [...new Set(found.map(({ hash }) => hash))];
  const odd = found.filter(({ hash }) => hash !== distinct[0]).map(({ where }) => where);
  return {
    group: name,
    compared: found.length,
    nodes: portraits.map(({ node }) => node),
    distinct: distinct.length,
    target: 1,
    verdict: distinct.length === 1 ? "reached" : "SHORT",
    hash: distinct[0] ?? null,
    odd,
  };
});
keep("nodes", { verdicts });
if (verdicts.some(({ verdict }) => verdict !== "reached")) process.exitCode = 1;
