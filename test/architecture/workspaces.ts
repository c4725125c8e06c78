import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";

/** The repository's root. */
export const root = resolve(import.meta.dirname, "../..");

export interface Workspace {
  /** Folder name: "core", "cli". */
  readonly id: string;
  /** Name in package.json. */
  readonly name: string;
  /** Path from the root, "packages/core". */
  readonly folder: string;
  readonly dependencies: readonly string[];
  /** Subpaths of the exports map: ".", "./testing". */
  readonly entries: ReadonlyMap<string, string>;
}

interface Manifest {
  name: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  exports: Record<string, { "@manyfold/source": string }>;
}

function workspace(folder: string, id: string): Workspace {
  const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as Manifest;
  return {
    id,
    name: manifest.name,
    folder,
    dependencies: Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }),
    entries: new Map(
      Object.entries(manifest.exports).map(([path, entry]) => [path, entry["@manyfold/source"]]),
    ),
  };
}

/** Every package and app, in the order of the folders. */
export const workspaces: readonly Workspace[] = ["packages", "apps"].flatMap((group) =>
  readdirSync(join(root, group), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => workspace(`${group}/${entry.name}`, entry.name)),
);

const browserSafe = new Set(["protocol", "core", "data", "search", "ensemble"]);

/** Packages that run in a browser too. */
export const isBrowserSafe = ({ id }: Workspace): boolean => browserSafe.has(id);

/** What a workspace ships: its sources without their tests, as paths from the root with "/". */
export function sourceFiles({ folder }: Workspace): string[] {
  const src = join(root, folder, "src");
  return readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.[mc]?tsx?$/.test(file) && !file.endsWith(".test.ts"))
    .map((file) => relative(root, join(src, file)).split(sep).join("/"));
}
