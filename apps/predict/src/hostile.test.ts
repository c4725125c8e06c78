import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeArtifact } from "@manyfold/ensemble";
import { hashBytes } from "@manyfold/protocol";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { createPredictServer, ErrorAnswer } from "./index.ts";
import { predict } from "./testing/requests.ts";
import { content, yesNo } from "./testing/tiny-artifact.ts";

const networks = [Float32Array.of(0, 1, 0, 0), new Float32Array(4)];
const good = encodeArtifact(content(yesNo, 2), networks);
const manifest = JSON.parse(new TextDecoder().decode(good.manifest)) as object;

/** A server over a folder whose files others may write. */
async function serving() {
  const folder = await mkdtemp(join(tmpdir(), "manyfold-hostile-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const write = async (files: { manifest: string | Uint8Array; weights: Uint8Array }) => {
    await writeFile(join(folder, "manifest.json"), files.manifest);
    await writeFile(join(folder, "weights.safetensors"), files.weights);
  };
  await write(good);
  const server = await createPredictServer({ artifact: folder });
  onTestFinished(() => server.close());
  const rows = [{ x: 0.5 }, { x: null }];
  const before = await predict(server, { rows });
  /** What is there is refused, and the server goes on as before; or taken, and answers or refuses. */
  const reload = async (): Promise<number> => {
    const anew = () => server.inject({ method: "POST", url: "/reload" });
    const { statusCode, body } = await anew();
    if (statusCode === 409) ErrorAnswer.parse(JSON.parse(body));
    const answer = await server.inject({ method: "POST", url: "/predict", payload: { rows } });
    expect(answer.statusCode).toBeLessThan(statusCode === 409 ? 201 : 500);
    if (statusCode === 200) {
      await write(good);
      await anew();
    }
    expect(await predict(server, { rows })).toEqual(before);
    return statusCode;
  };
  return { folder, write, reload };
}

/** Paths to every value of a document. */
function pathsOf(value: unknown): string[][] {
  if (typeof value !== "object" || value === null) return [[]];
  return Object.entries(value).flatMap(([name, inner]) =>
    pathsOf(inner).map((path) => [name, ...path]),
  );
}

function put(value: unknown, [name, ...rest]: readonly string[], put_: unknown): unknown {
  if (name === undefined) return put_;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as {
    [name: string]: unknown;
  };
  copy[name] = put(copy[name], rest, put_);
  return copy;
}

const many = Array.from({ length: 1e4 }, () => 1);
const texts = ["", "../../../etc/passwd", "__proto__", "\0", "x".repeat(1e5)];
const numbers = [-1, 0.5, 1e9, 2 ** 53, 1e308];
const odd: unknown[] = [...texts, ...numbers, many, null, true, [], {}, [[[[]]]], { units: 1e12 }];
const extreme = fc.oneof(fc.constantFrom(...odd), fc.jsonValue());

test("a manifest with anything anywhere is taken or refused, and what is served goes on", async () => {
  const { write, reload } = await serving();
  const taken = new Set<number>();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...pathsOf(manifest)),
      fc.nat(6),
      extreme,
      async (path, up, value) => {
        // At the value itself, or at something around it.
        const at = path.slice(0, Math.max(1, path.length - up));
        await write({ ...good, manifest: JSON.stringify(put(manifest, at, value)) });
        const status = await reload();
        expect([200, 409]).toContain(status);
        taken.add(status);
      },
    ),
    { numRuns: 200 },
  );
  expect(taken).toContain(409);
});

test("weights whose header claims anything, under their own hash, are refused", async () => {
  const { write, reload } = await serving();
  const text = new TextDecoder("latin1").decode(good.weights);
  const start = 8 + Number(new DataView(good.weights.buffer).getBigUint64(0, true));
  const header = JSON.parse(text.slice(8, start)) as object;
  const written = (changed: unknown) => {
    const json = new TextEncoder().encode(JSON.stringify(changed));
    const bytes = new Uint8Array(8 + json.length + good.weights.length - start);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
    bytes.set(json, 8);
    bytes.set(good.weights.subarray(start), 8 + json.length);
    return bytes;
  };
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...pathsOf(header)),
      fc.nat(3),
      extreme,
      async (path, up, value) => {
        const weights = written(put(header, path.slice(0, Math.max(1, path.length - up)), value));
        const named = { hash: hashBytes(weights), bytes: weights.length };
        await write({ manifest: JSON.stringify({ ...manifest, weights: named }), weights });
        expect([200, 409]).toContain(await reload());
      },
    ),
    { numRuns: 100 },
  );
});

test("any bytes flipped or cut off", async () => {
  const { write, reload } = await serving();
  const damaged = (bytes: Uint8Array, at: number, byte: number, cut: boolean) => {
    const index = at % bytes.length;
    return cut ? bytes.slice(0, index) : Uint8Array.from(bytes).fill(byte, index, index + 1);
  };
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("manifest", "weights"),
      ...([fc.nat(), fc.nat(255), fc.boolean()] as const),
      async (file, at, byte, cut) => {
        await write({ ...good, [file]: damaged(good[file as "weights"], at, byte, cut) });
        expect([200, 409]).toContain(await reload());
      },
    ),
    { numRuns: 100 },
  );
});

test("files that are no files: a folder, a device without end, a pipe nobody writes to", async () => {
  const { folder, write, reload } = await serving();
  const path = join(folder, "manifest.json");
  const replace = async (make: () => unknown) => {
    await rm(path, { recursive: true });
    await make();
    expect(await reload()).toBe(409);
  };
  await replace(() => mkdir(path));
  await replace(() => symlink("/dev/zero", path));
  await replace(() => execFileSync("mkfifo", [path]));
  await replace(() => symlink("manifest.json", path));
  await rm(path);
  await write(good);
  expect(await reload()).toBe(200);
});

test("reloads among requests: each answer is of one version, whole", async () => {
  const { folder, write } = await serving();
  const server = await createPredictServer({ artifact: folder });
  onTestFinished(() => server.close());
  const other = encodeArtifact(content(yesNo, 2), [
    Float32Array.of(0, 3, 0, 0),
    new Float32Array(4),
  ]);
  const rows = Array.from({ length: 40 }, (_, i) => ({ x: i / 10 }));
  const answers = new Set<string>();
  for (let turn = 0; turn < 10; turn++) {
    const some = Array.from({ length: 20 }, () => predict(server, { rows }));
    await write(turn % 2 === 0 ? other : good);
    some.push(...Array.from({ length: 20 }, () => predict(server, { rows })));
    const { statusCode } = await server.inject({ method: "POST", url: "/reload" });
    expect(statusCode).toBe(200);
    for (const each of await Promise.all(some)) answers.add(JSON.stringify(each));
  }
  expect(answers.size).toBe(2);
});
