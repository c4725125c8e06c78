import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { isBrowserSafe, root, sourceFiles, workspaces, type Workspace } from "./workspaces.ts";

/** The arrows of the design: what each workspace may import. They hold transitively. */
const arrows: Record<string, readonly string[]> = {
  protocol: [],
  core: ["protocol"],
  data: ["core"],
  files: ["data"],
  blas: ["core"],
  search: ["core"],
  ensemble: ["core", "data"],
  workers: ["core", "data", "files", "blas"],
  coordinator: ["search", "ensemble", "data", "files"],
  report: ["ensemble"],
  lecture: ["report"],
  predict: ["ensemble", "files"],
  ui: ["coordinator", "files"],
  cli: ["workers", "coordinator", "report", "lecture", "predict", "ui", "blas"],
};

/** Everything that `id` reaches along the arrows, itself included. */
function reachable(id: string, seen = new Set<string>()): Set<string> {
  if (!seen.has(id)) {
    seen.add(id);
    for (const next of arrows[id] ?? []) reachable(next, seen);
  }
  return seen;
}

/** Module specifiers of a file: static, dynamic, re-exported and type-only ones alike. */
function imports(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  return ts.preProcessFile(text, true, true).importedFiles.map((found) => found.fileName);
}

/** "@manyfold/core/testing" -> "core"; undefined for what is not ours. */
function workspaceOf(specifier: string): string | undefined {
  return workspaces.find(({ name }) => specifier === name || specifier.startsWith(`${name}/`))?.id;
}

const isBuiltin = (specifier: string) =>
  specifier.startsWith("node:") || builtinModules.includes(specifier);

/** "file -> specifier" for every import of a workspace that the rule refuses. */
function refused(workspace: Workspace, rule: (specifier: string, file: string) => boolean) {
  return sourceFiles(workspace).flatMap((file) =>
    imports(file)
      .filter((specifier) => rule(specifier, file))
      .map((specifier) => `${file} -> ${specifier}`),
  );
}

test("every workspace has its place among the arrows", () => {
  for (const { id } of workspaces) expect(Object.keys(arrows)).toContain(id);
});

test("the arrows have no cycle", () => {
  for (const id of Object.keys(arrows)) {
    for (const next of arrows[id]!) expect(reachable(next)).not.toContain(id);
  }
});

describe.each(workspaces)("$folder", (workspace) => {
  const allowed = reachable(workspace.id);

  test("imports only along the arrows", () => {
    const against = (specifier: string) => {
      const target = workspaceOf(specifier);
      return target !== undefined && !allowed.has(target);
    };
    expect(refused(workspace, against)).toEqual([]);
    expect(workspace.dependencies.filter(against)).toEqual([]);
  });

  test("reaches other workspaces by name and exports map only", () => {
    const outside = (specifier: string, file: string) => {
      if (specifier.startsWith(".")) {
        const target = join(dirname(file), specifier);
        return relative(join(workspace.folder, "src"), target).startsWith("..");
      }
      const target = workspaces.find(({ id }) => id === workspaceOf(specifier));
      return target !== undefined && !target.entries.has(specifier.replace(target.name, "."));
    };
    expect(refused(workspace, outside)).toEqual([]);
  });

  test("names Node's own modules with the node: prefix", () => {
    const bare = (specifier: string) => builtinModules.includes(specifier);
    expect(refused(workspace, (specifier) => bare(specifier))).toEqual([]);
  });
});

describe.each(workspaces.filter(isBrowserSafe))("$folder in a browser", (safe) => {
  test("imports nothing of Node's, not even a type", () => {
    expect(refused(safe, isBuiltin)).toEqual([]);
  });

  // The direct rule above sees our own files; this one also what they draw in from other packages.
  test("bundles without anything of Node's", async () => {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: sourceFiles(safe),
      bundle: true,
      write: false,
      metafile: true,
      outdir: "unwritten",
      format: "esm",
      platform: "browser",
      conditions: ["@manyfold/source"],
      external: ["node:*", ...builtinModules],
      logLevel: "silent",
    });
    const reached = Object.entries(metafile.inputs).flatMap(([file, input]) =>
      input.imports
        .filter(({ external }) => external === true)
        .map(({ path }) => `${file} -> ${path}`),
    );
    expect(reached).toEqual([]);
  });
});
