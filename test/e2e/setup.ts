import { rmSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { bundleProgram } from "./bundle.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Folder with the program as one file, made from the sources for these tests. */
    program: string;
  }
}

const root = join(import.meta.dirname, "../..");

// Below node_modules, where git sees nothing.
const folder = join(root, `node_modules/.cache/manyfold-${process.pid}`);

/** Bundles the program once for all tests that start it. */
export async function setup(project: TestProject): Promise<void> {
  project.provide("program", await bundleProgram(folder));
}

export function teardown(): void {
  rmSync(folder, { recursive: true, force: true });
}
