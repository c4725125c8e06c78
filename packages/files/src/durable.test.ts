import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ManyfoldError } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { readArtifact } from "./artifact.ts";
import { makeFolder, writeFileAtomic, writeFolderAtomic } from "./durable.ts";
import { temporaryFolder } from "./testing/folder.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
writeFileSync(at("file"), "x");

const artifact = (text: string) => ({
  "manifest.json": `{"text":"${text}"}`,
  "weights.safetensors": Uint8Array.of(1, 2, 3),
});
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test("a file is replaced, and nothing else is left", async () => {
  mkdirSync(at("files"));
  await writeFileAtomic(at("files/a.txt"), "one");
  await writeFileAtomic(at("files/a.txt"), Uint8Array.of(116, 119, 111));
  expect(readFileSync(at("files/a.txt"), "utf8")).toBe("two");
  expect(readdirSync(at("files"))).toEqual(["a.txt"]);
});

test("a folder is written, read, and replaced as one", async () => {
  mkdirSync(at("run"));
  await writeFolderAtomic(at("run/artifact"), artifact("old"));
  await writeFolderAtomic(at("run/artifact"), { ...artifact("new"), "more.txt": "x" });
  await writeFolderAtomic(at("run/artifact"), artifact("newest"));
  expect(readdirSync(at("run"))).toEqual(["artifact"]);
  expect(readdirSync(at("run/artifact"))).toEqual(["manifest.json", "weights.safetensors"]);
  const read = await readArtifact(at("run/artifact"));
  expect(text(read.manifest)).toBe('{"text":"newest"}');
  expect([...read.weights]).toEqual([1, 2, 3]);
});

test.each([
  ["a file", () => writeFileAtomic(at("file/x"), "")],
  ["a file in no folder", () => writeFileAtomic(at("none/x"), "")],
  ["a folder over a file's inside", () => writeFolderAtomic(at("file/x"), artifact("a"))],
  ["a folder in no folder", () => writeFolderAtomic(at("none/x"), artifact("a"))],
  ["the output folder", () => makeFolder(at("file"))],
  ["an output folder inside a file", () => makeFolder(at("file/x/y"))],
  ["an output folder on a file system that takes none", () => makeFolder("/proc/manyfold")],
])("%s that cannot be written is an input error", async (_, write) => {
  await expect(write()).rejects.toThrow(ManyfoldError);
  await expect(write()).rejects.toMatchObject({ code: "input" });
  await expect(write()).rejects.toThrow("must be a place that can be written to, got");
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("output folders are made with those above them", async () => {
  await makeFolder(at("a/b/c"));
  await makeFolder(at("a/b/c"));
  expect(readdirSync(at("a/b"))).toEqual(["c"]);
});

test("an artifact that is not there", async () => {
  mkdirSync(at("half"));
  writeFileSync(at("half/manifest.json"), "{}");
  const cases: [string, string][] = [
    ["none", "none must be an artifact folder, got nothing there.\nAn artifact is the folder"],
    ["file", "file must be an artifact folder, got a file."],
    ["half", "weights.safetensors must be a file of the artifact, got nothing there."],
    [
      "run",
      `must be a file of the artifact, got nothing there.\nDid you mean ${at("run/artifact")}?`,
    ],
  ];
  for (const [name, message] of cases) {
    await expect(readArtifact(at(name))).rejects.toThrow(message);
    await expect(readArtifact(at(name))).rejects.toMatchObject({ code: "input" });
  }
});
