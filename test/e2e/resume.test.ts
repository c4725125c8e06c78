import {
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileJournal } from "@manyfold/files";
import { type ExperimentInput, RunDocument } from "@manyfold/protocol";
import { beforeAll, describe, expect, test } from "vitest";
import { bag, search, writeExperiment } from "./experiments.ts";
import { filesBelow, temporaryFolder } from "./folder.ts";
import { completions, framesOf, onlyRun, recordsOf } from "./journal-file.ts";
import { document, manyfold, start } from "./program.ts";

const folder = temporaryFolder();
const INLINE = ["--executor", "inline"];

const weightsOf = (run: string) =>
  readFileSync(join(run, "artifact/weights.safetensors")).toString("hex");

/** An experiment, and how it ends when nothing interferes. */
async function undisturbed(experiment: ExperimentInput) {
  const config = writeExperiment(folder, experiment);
  const { runDir, ledger } = await document([
    "run",
    config,
    "--out",
    join(folder, `calm-${experiment.name}`),
    ...INLINE,
  ]);
  return {
    config,
    runDir,
    ledger,
    weights: weightsOf(runDir),
    frames: framesOf(join(runDir, "journal.log")),
  };
}

let calmBag: Awaited<ReturnType<typeof undisturbed>>;
let calmSearch: typeof calmBag;
let calmLong: typeof calmBag;
beforeAll(async () => {
  calmBag = await undisturbed(bag);
  calmSearch = await undisturbed(search);
  calmLong = await undisturbed(long);
});

/** Resumes a run to its end; what was in its journal must not be run again. */
async function expectSameEnd(run: string, calm: typeof calmBag): Promise<void> {
  const before = await completions(run);
  const { ledger, status, tasks, execution } = await document(["resume", run, ...INLINE]);
  expect({ status, ledger, failed: tasks.failed }).toEqual({
    status: "done",
    ledger: calm.ledger,
    failed: 0,
  });
  expect(weightsOf(run)).toBe(calm.weights);
  const after = await completions(run);
  expect([...after.values()].every((count) => count === 1)).toBe(true);
  expect([...before.keys()].every((task) => after.has(task))).toBe(true);
  expect({ tasks: after.size, attempts: execution.attempts }).toEqual({
    tasks: tasks.total,
    attempts: tasks.total,
  });
}

/** Seeded places from `low` on, below `high`, in order. */
function places(seed: number, low: number, high: number, count: number): number[] {
  let state = seed;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return Array.from({ length: count }, () => low + Math.floor(next() * (high - low))).toSorted(
    (a, b) => a - b,
  );
}

const isTemporary = (name: string) => name.endsWith(".tmp");

// The place of the kill is found by way of /proc.
describe.skipIf(process.platform !== "linux")("killed with SIGKILL", () => {
  test.each([
    { name: "bag", seed: 1, kills: 2 },
    { name: "bag", seed: 2, kills: 3 },
    { name: "search", seed: 3, kills: 3 },
  ] as const)(
    "while byte X of its journal is written: $name, $kills times, places from seed $seed",
    async ({ name, seed, kills }) => {
      const calm = name === "bag" ? calmBag : calmSearch;
      const [, begun = 0] = calm.frames;
      // Times and names differ in length by a few bytes from run to run.
      const end = (calm.frames.at(-1) ?? 0) - 100;
      const points = places(seed, begun + 20, end, kills);
      const out = join(folder, `killed-${name}-${seed}`);
      for (const [index, point] of points.entries()) {
        const args = index === 0 ? ["run", calm.config, "--out", out] : ["resume", onlyRun(out)];
        const fault = { DIE_AT_BYTE: String(point) };
        const outcome = await manyfold([...args, ...INLINE], { fault });
        expect(outcome, `stderr: ${outcome.stderr}`).toMatchObject({
          signal: "SIGKILL",
          stdout: "",
        });
      }
      await expectSameEnd(onlyRun(out), calm);
    },
  );

  test.each(["artifact", "predictions.csv", "best.yaml", "report.json", "report.html", "run.json"])(
    "before %s gets its name",
    async (DIE_AT_RENAME) => {
      const calm = calmSearch;
      const out = join(folder, `renamed-${DIE_AT_RENAME}`);
      const outcome = await manyfold(["run", calm.config, "--out", out, ...INLINE], {
        fault: { DIE_AT_RENAME },
      });
      expect(outcome, `stderr: ${outcome.stderr}`).toMatchObject({ signal: "SIGKILL" });
      const run = onlyRun(out);
      expect(existsSync(join(run, DIE_AT_RENAME))).toBe(false);
      expect(readdirSync(run).some(isTemporary)).toBe(true);
      await expectSameEnd(run, calm);
      expect(existsSync(join(run, DIE_AT_RENAME))).toBe(true);
      expect(readdirSync(run).filter(isTemporary)).toEqual([]);
    },
  );

  test("while a grown run replaces its artifact", async () => {
    const small = { ...bag, name: "four", ensemble: { bagging: { members: 4 } } };
    const config = writeExperiment(folder, small);
    const { runDir } = await document([
      "run",
      config,
      "--out",
      join(folder, "four-runs"),
      ...INLINE,
    ]);
    const outcome = await manyfold(["resume", runDir, "--members", "8", ...INLINE], {
      fault: { DIE_AT_RENAME: "artifact" },
    });
    expect(outcome).toMatchObject({ signal: "SIGKILL" });
    await expectSameEnd(runDir, calmBag);
    expect(readdirSync(runDir).filter(isTemporary)).toEqual([]);
  });

  test("before its first record is whole: there is no run to go on with", async () => {
    const out = join(folder, "unborn");
    const fault = { DIE_AT_BYTE: "600" };
    await manyfold(["run", calmBag.config, "--out", out, ...INLINE], { fault });
    const outcome = await manyfold(["resume", onlyRun(out)]);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr.replace(onlyRun(out), "RUN")).toMatchInlineSnapshot(`
      "error: RUN/journal.log must be a journal with at least one record, got an empty one.
      The run was stopped before it began; start it again with manyfold run.
      "
    `);
  });
});

const long = { ...bag, name: "long", train: { ...bag.train, epochs: 60 } };

test("killed from outside at some moment, on two threads", async () => {
  const out = join(folder, "outside");
  const running = start(["run", calmLong.config, "--out", out, "--workers", "2"]);
  await grown(out, 1);
  running.process.kill("SIGKILL");
  await running.outcome;
  const run = onlyRun(out);
  const resumed = await document(["resume", run, "--workers", "3"]);
  expect(resumed.ledger).toBe(calmLong.ledger);
  expect(weightsOf(run)).toBe(calmLong.weights);
  expect([...(await completions(run)).values()].every((count) => count === 1)).toBe(true);
});

/** Resolves once a run has completed so many tasks. */
async function grown(out: string, tasks: number): Promise<void> {
  for (;;) {
    const begun = existsSync(out) && readdirSync(out).length === 1;
    if (begun && existsSync(join(onlyRun(out), "journal.log"))) {
      if ((await completions(onlyRun(out))).size >= tasks) return;
    }
    await sleep(3);
  }
}

describe("asked to stop", () => {
  test.skipIf(process.platform !== "linux").each(["SIGINT", "SIGTERM"] as const)(
    "%s drains, and the run can go on",
    async (SIGNAL) => {
      const out = join(folder, `drained-${SIGNAL}`);
      // While the first result is written.
      const fault = { SIGNAL, DIE_AT_BYTE: String((calmLong.frames[1] ?? 0) + 50) };
      const args = ["run", calmLong.config, "--out", out, "--workers", "2", "--json"];
      const { code, stdout, stderr } = await manyfold(args, { fault });
      expect(code, `stderr: ${stderr}`).toBe(130);
      expect(stderr).toMatchInlineSnapshot(`
        "
        Finishing the tasks that run; press Ctrl-C again to stop at once. Nothing done is lost.
        "
      `);
      const stopped = RunDocument.parse(JSON.parse(stdout));
      const run = onlyRun(out);
      const done = await completions(run);
      expect(stopped).toMatchObject({
        status: "interrupted",
        artifact: null,
        analysis: null,
        tasks: { total: 8, completed: done.size, failed: 0 },
      });
      expect(done.size).toBeGreaterThan(0);
      expect(done.size).toBeLessThan(8);
      expect((await recordsOf(run)).at(-1)?.type).toBe("interrupted");
      expect(readdirSync(run)).not.toContain("artifact");
      await expectSameEnd(run, calmLong);
    },
  );

  test("twice, it stops at once, and the run can go on", async () => {
    const endless = { ...bag, name: "endless", train: { ...bag.train, epochs: 1_000_000 } };
    const out = join(folder, "twice");
    const running = start(["run", writeExperiment(folder, endless), "--out", out]);
    while (!existsSync(out) || !filesBelow(out).some((name) => name.endsWith("journal.log"))) {
      await sleep(5);
    }
    const stderr = running.process.stderr;
    const asked = new Promise((resolve) => stderr.once("data", resolve));
    await sleep(300);
    running.process.kill("SIGINT");
    await asked;
    running.process.kill("SIGINT");
    const outcome = await running.outcome;
    expect(outcome, `stderr: ${outcome.stderr}`).toMatchObject({ code: 130, stdout: "" });
    expect((await recordsOf(onlyRun(out))).map(({ type }) => type)).toEqual(["created"]);
  });
});

describe("a finished run", () => {
  test("resumed prints the same document and changes nothing", async () => {
    const { runDir } = calmBag;
    const files = () =>
      filesBelow(runDir).map((name) => [name, readFileSync(join(runDir, name), "hex")]);
    const before = files();
    const again = await manyfold(["resume", runDir, "--json"]);
    expect(again).toMatchObject({ code: 0, stderr: "" });
    const first = readFileSync(join(runDir, "run.json"), "utf8");
    expect(JSON.parse(again.stdout)).toEqual(JSON.parse(first));
    expect(files()).toEqual(before);
  });

  test("resumed with the members it has is finished too", async () => {
    const again = await document(["resume", calmBag.runDir, "--members", "8"]);
    expect(again.ledger).toBe(calmBag.ledger);
    expect((await recordsOf(calmBag.runDir)).at(-1)?.type).toBe("finished");
  });
});

describe("blobs", () => {
  /** A run that was stopped after five of its eight members. */
  async function stopped(name: string): Promise<string> {
    const run = join(folder, name);
    cpSync(calmBag.runDir, run, { recursive: true });
    for (const file of ["artifact", "report.json", "report.html", "run.json", "predictions.csv"]) {
      rmSync(join(run, file), { recursive: true });
    }
    const records = await recordsOf(run);
    rmSync(join(run, "journal.log"));
    const journal = await fileJournal(join(run, "journal.log"));
    await journal.append(0, records.slice(0, 6));
    await journal.close();
    expect((await completions(run)).size).toBe(5);
    return run;
  }

  const DAMAGE: Readonly<Record<string, (path: string) => void>> = {
    deleted: (path) => rmSync(path),
    "of a flipped bit": (path) => {
      const bytes = readFileSync(path);
      bytes[10] = (bytes[10] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    },
    truncated: (path) => writeFileSync(path, readFileSync(path).subarray(0, 7)),
    empty: (path) => writeFileSync(path, ""),
  };

  test.each(Object.entries(DAMAGE))("%s undo their task and no other", async (name, damage) => {
    const run = await stopped(`blob-${name}`);
    const completed = (await recordsOf(run)).flatMap((record) =>
      record.type === "completed" && "weights" in record.result
        ? [{ task: record.task, ...record.result }]
        : [],
    );
    const [, first, second] = completed;
    if (!first || !second?.predictions.test) throw new Error("none");
    const lost = [first.weights.hash, second.predictions.test.hash];
    for (const hash of lost) damage(join(run, "blobs", hash.slice(0, 2), hash));

    const { ledger, status } = await document(["resume", run, ...INLINE]);
    expect({ status, ledger }).toEqual({ status: "done", ledger: calmBag.ledger });
    expect(weightsOf(run)).toBe(calmBag.weights);
    const twice = [...(await completions(run))].filter(([, count]) => count === 2);
    expect(twice.map(([task]) => task).toSorted()).toEqual([first.task, second.task].toSorted());
    expect((await completions(run)).size).toBe(8);
  });

  test("that hold the data end the run with an error, and it goes on once they are back", async () => {
    const run = await stopped("blob-data");
    const [created] = await recordsOf(run);
    if (created?.type !== "created") throw new Error("no run");
    const { hash } = created.data.final.table;
    const path = join(run, "blobs", hash.slice(0, 2), hash);
    copyFileSync(path, join(folder, "table"));
    rmSync(path);
    const outcome = await manyfold(["resume", run, ...INLINE]);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr.replace(hash, "HASH")).toMatchInlineSnapshot(`
      "error: blob HASH must be the bytes that the journal names, got nothing, or damaged bytes.
      It holds the run's data, which no task can make again: restore the file or start a new run.
      "
    `);
    copyFileSync(join(folder, "table"), path);
    await expectSameEnd(run, calmBag);
  });
});
