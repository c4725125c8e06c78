import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root, workspaces } from "./workspaces.ts";

/** What is imported as a library; other entries are programs of their own (a worker's main file). */
const isLibrary = (entry: string) => entry === "." || entry.endsWith("/testing");

// After a wanted change: npm test -- --project architecture -u
describe.each(workspaces)("$name", ({ id, folder, entries }) => {
  test.each([...entries].filter(([entry]) => isLibrary(entry)))(
    "exports of %s",
    async (entry, file) => {
      const url = pathToFileURL(join(root, folder, file)).href;
      const names = Object.keys((await import(/* @vite-ignore */ url)) as object).toSorted();
      const list = names.map((name) => `${name}\n`).join("");
      await expect(list).toMatchFileSnapshot(`api/${id}${entry.slice(1).replace("/", "-")}.txt`);
    },
  );
});
