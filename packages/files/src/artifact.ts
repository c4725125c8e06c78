import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { ManyfoldError } from "@manyfold/protocol";
import { pathError } from "./system-error.ts";

/** The two files of an artifact, unread. */
export interface ArtifactBytes {
  readonly manifest: Uint8Array;
  readonly weights: Uint8Array;
}

/** Far above any manifest of ours; parsing a larger one would take the memory of a machine. */
const LARGEST_MANIFEST = 256 * 2 ** 20;

/**
 * The files of an artifact folder. What is in them is for `openArtifact` to check.
 *
 * @throws ManyfoldError, code "input", where the folder or one of its files is not there
 */
export async function readArtifact(folder: string): Promise<ArtifactBytes> {
  const help = "An artifact is the folder that a run leaves as RUN_DIR/artifact.";
  const found = await stat(folder).catch((error: unknown) => {
    throw pathError(error, folder, "an artifact folder", help);
  });
  if (!found.isDirectory()) {
    throw new ManyfoldError({
      code: "input",
      path: folder,
      condition: "an artifact folder",
      got: "a file",
      help,
    });
  }
  const inside = join(folder, "artifact");
  const isRun = await stat(join(inside, "manifest.json")).catch(() => undefined);
  const read = async (name: string, most: number) => {
    const path = join(folder, name);
    try {
      const found = await stat(path);
      // A device or a pipe may have no end.
      if (!found.isFile() && !found.isDirectory()) {
        throw new ManyfoldError({
          code: "artifact",
          path,
          condition: "a file of the artifact",
          got: "a device or a pipe",
          help,
        });
      }
      const { size } = found;
      if (size <= most) return await readFile(path);
      throw new ManyfoldError({
        code: "artifact",
        path,
        condition: `at most ${most} bytes long`,
        got: String(size),
        help: "It is no manifest that Manyfold wrote.",
      });
    } catch (error) {
      const hint = isRun === undefined ? help : `Did you mean ${inside}?`;
      throw pathError(error, path, "a file of the artifact", hint);
    }
  };
  const manifest = await read("manifest.json", LARGEST_MANIFEST);
  return { manifest, weights: await read("weights.safetensors", Number.MAX_SAFE_INTEGER) };
}
