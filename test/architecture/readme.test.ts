import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { root, workspaces } from "./workspaces.ts";

const run = promisify(execFile);

/** The ```ts blocks of a page. */
function examples(page: string): string[] {
  return [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1]!);
}

// Each block is a program of its own, run from the root as a reader would run it. The copies stay
// below test/.readme for a look after a failure; git does not see them.
describe.each(workspaces.filter(({ folder }) => folder.startsWith("packages/")))(
  "$folder/README.md",
  ({ id, folder }) => {
    test("its examples run", async () => {
      const blocks = examples(await readFile(join(root, folder, "README.md"), "utf8"));
      expect(blocks.length, "number of ts blocks").toBeGreaterThan(0);
      await mkdir(join(root, "test/.readme"), { recursive: true });
      for (const [index, block] of blocks.entries()) {
        const file = join(root, `test/.readme/${id}-${index + 1}.ts`);
        await writeFile(file, block);
        const flags = ["--conditions=@manyfold/source", "--import", "tsx"];
        await run(process.execPath, [...flags, file], { cwd: root });
      }
    });
  },
);
