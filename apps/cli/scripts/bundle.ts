/**
 * Joins the program, and the program of its threads, with all that they import into a few files:
 * a start then opens some ten files instead of four hundred. What a command alone needs (drawing,
 * the server, NATS) stays in files of its own, read when it is asked for.
 */
import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";

const root = join(import.meta.dirname, "..");
const outdir = join(root, "dist/bundle");

/** The schemas' messages are ours, so that zod's translations of its own, half of its size, are not. */
const englishOnly: Plugin = {
  name: "english-only",
  setup: (one) => {
    one.onLoad({ filter: /zod[/\\]v4[/\\]locales[/\\]index\.js$/ }, () => ({
      contents: `export { default as en } from "./en.js";`,
    }));
  },
};

await rm(outdir, { recursive: true, force: true });
// Apart from each other: what both use is in both, but a thread's program has nothing else.
for (const entryPoints of [
  { main: join(root, "dist/main.js") },
  { thread: join(root, "../../packages/workers/dist/thread.js") },
  { "predict-thread": join(root, "../predict/dist/predict-thread.js") },
]) {
  await build({
    entryPoints,
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: true,
    // Piscina starts a file of its own in each thread; the page of addresses reads files beside it.
    external: ["piscina", "koffi", "@fastify/swagger-ui", "esbuild"],
    // CommonJS among what is joined asks for Node's own modules in its own way.
    banner: {
      js: `import{createRequire as manyfoldRequire}from"node:module";const require=manyfoldRequire(import.meta.url);`,
    },
    plugins: [englishOnly],
    logLevel: "warning",
  });
}

// Read by the server and by `export`, from beside the file that they are in.
for (const [app, files] of Object.entries({
  predict: ["page-program.js", "page-style.css"],
  ui: ["ui-program.js", "ui-style.css"],
})) {
  for (const name of files) {
    await copyFile(join(root, "..", app, "dist", name), join(outdir, name));
  }
}
