import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { pageBuild } from "../../apps/predict/src/page.ts";
import { pageBuild as uiBuild } from "../../apps/ui/src/page.ts";

const root = join(import.meta.dirname, "../..");

/**
 * Bundles the program's sources into a folder. A process then starts in a quarter of a second and not
 * in one and a half, and several hundred of them are affordable.
 *
 * @param folder below node_modules, so that what stays outside of the bundle is found
 * @returns the folder, which has `main.js`
 */
export async function bundleProgram(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  await build({
    absWorkingDir: root,
    entryPoints: {
      main: "apps/cli/src/main.ts",
      thread: "packages/workers/src/thread.ts",
      "predict-thread": "apps/predict/src/predict-thread.ts",
      fault: fileURLToPath(new URL("./fault.ts", import.meta.url)),
    },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["@manyfold/source"],
    // They start threads from files of their own, load a binary, serve files.
    external: ["piscina", "koffi", "@fastify/swagger-ui", "esbuild"],
    banner: {
      js: 'import { createRequire as createRequireHere } from "node:module"; const require = createRequireHere(import.meta.url);',
    },
    logLevel: "warning",
  });
  await build({ ...pageBuild("apps/predict/page"), outdir: folder, absWorkingDir: root });
  await build({ ...uiBuild("apps/ui/page"), outdir: folder, absWorkingDir: root });
  return folder;
}
