/** Joins the page's program and style into a file each, beside what reads them. */
import { join } from "node:path";
import { build } from "esbuild";
import { pageBuild } from "../src/page.ts";

const root = join(import.meta.dirname, "..");
await build({ ...pageBuild(join(root, "page")), outdir: join(root, "dist") });
