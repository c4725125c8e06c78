import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** Folder with the program as one file, made from the sources for these tests. */
    program: string;
  }
}

const root = join(import.meta.dirname, "../..");

// Below node_modules, so that what stays outside of the bundle is found, and git sees nothing.
const folder = join(root, `node_modules/.cache/manyfold-${process.pid}`);

/**
 * Bundles the program's sources once. A process then starts in a quarter of a second and not in one
 * and a half, and several hundred of them are affordable.
 */
export async function setup(project: TestProject): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  await build({
    absWorkingDir: root,
    entryPoints: {
      main: "apps/cli/src/main.ts",
      thread: "packages/workers/src/thread.ts",
      fault: fileURLToPath(new URL("./fault.ts", import.meta.url)),
    },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["@manyfold/source"],
    // One starts threads from files of its own, the other loads its binary.
    external: ["piscina", "koffi"],
    banner: {
      js: 'import { createRequire as createRequireHere } from "node:module"; const require = createRequireHere(import.meta.url);',
    },
    logLevel: "warning",
  });
  project.provide("program", folder);
}

export function teardown(): void {
  rmSync(folder, { recursive: true, force: true });
}
