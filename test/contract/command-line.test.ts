import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import {
  ErrorAnalysis,
  experimentJsonSchema,
  ReportDocument,
  RunDocument,
} from "@manyfold/protocol";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { z } from "zod";
import { bag, search, writeExperiment } from "../e2e/experiments.ts";
import { filesBelow, temporaryFolder } from "../e2e/folder.ts";
import { manyfold, start } from "../e2e/program.ts";

/*
 * The contract of the command line with scripts: exit codes, what goes to which stream, what --json
 * prints, and no escape codes where nobody sees them.
 */

const COMMANDS = [
  "run",
  "resume",
  "plan",
  "report",
  "runs",
  "predict",
  "serve",
  "analyze",
  "schema",
  "doctor",
] as const;

/** A program of Linux that gives another one a terminal. */
const TERMINAL = "script";
const ESCAPE = "\u001b";

const folder = temporaryFolder();
const out = join(folder, "runs");
let run: RunDocument;
let config: string;

beforeAll(async () => {
  config = writeExperiment(folder, bag);
  const { stdout } = await manyfold(["run", config, "--out", out, "--json"]);
  run = RunDocument.parse(JSON.parse(stdout));
});

/** Arguments of each command that succeed, quickly. */
const GOOD: Record<(typeof COMMANDS)[number], () => string[]> = {
  run: () => ["run", config, "--out", out],
  resume: () => ["resume", run.runDir],
  plan: () => ["plan", config],
  report: () => ["report", run.runDir],
  runs: () => ["runs", out],
  predict: () => ["predict", join(run.runDir, "artifact"), join(folder, "bag/trees.csv")],
  serve: () => ["serve", join(run.runDir, "artifact"), "--port", "0"],
  analyze: () => ["analyze", join(run.runDir, "predictions.csv"), "--target", "target"],
  schema: () => ["schema"],
  doctor: () => ["doctor"],
};

describe("help", () => {
  test("names every command, and shows an example", async () => {
    const { code, stdout, stderr } = await manyfold(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, "m"));
    expect(stdout).toContain("Examples:\n  manyfold run ");
  });

  test("without a command goes to stderr, as a wrong usage", async () => {
    expect(await manyfold([])).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("Examples:"),
    });
  });

  test.each(COMMANDS)(
    "%s has an example, a --json and a sentence for each option",
    async (command) => {
      const { code, stdout, stderr } = await manyfold([command, "--help"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(new RegExp(`Examples?:\\n  manyfold ${command}\\b`));
      expect(stdout).toMatch(/^ {2}--json /m);
      const options = stdout.match(/^ {2}-.*$/gm) ?? [];
      for (const option of options)
        expect(option).toMatch(/^ {2}(-\w, )?--[a-z-]+( <\w+>)? {2,}\S/);
    },
  );

  test("--version", async () => {
    const { version } = JSON.parse(readFileSync("apps/cli/package.json", "utf8")) as {
      version: string;
    };
    expect(await manyfold(["--version"])).toMatchObject({
      code: 0,
      stdout: `${version}\n`,
      stderr: "",
    });
  });
});

const Done = z.looseObject({ status: z.literal("done") });

const Serving = z.strictObject({ status: z.literal("serving"), url: z.url() });

/** What each command prints with --json. */
const DOCUMENTS: Record<Exclude<(typeof COMMANDS)[number], "serve">, z.ZodType> = {
  run: RunDocument,
  resume: RunDocument,
  plan: Done.extend({ tasks: z.literal(8), network: z.object({ parameters: z.int() }) }),
  report: ReportDocument,
  runs: Done.extend({ runs: z.array(z.object({ run: z.string(), status: z.string() })).min(1) }),
  predict: Done.extend({
    header: z.array(z.string()),
    rows: z.array(z.array(z.string())).length(90),
  }),
  analyze: Done.extend({ analysis: ErrorAnalysis }),
  schema: z.looseObject({ properties: z.object({ train: z.unknown() }) }),
  doctor: Done.extend({ findings: z.array(z.object({ what: z.string(), ok: z.boolean() })) }),
};

describe("--json", () => {
  test.each(Object.entries(DOCUMENTS))(
    "of %s is one document, and nothing else",
    async (name, schema) => {
      const args = GOOD[name as keyof typeof DOCUMENTS]();
      const { code, stdout, stderr } = await manyfold([...args, "--json"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout.endsWith("\n")).toBe(true);
      expect(schema.safeParse(JSON.parse(stdout)).error).toBeUndefined();
    },
  );

  test("of serve is its address", async () => {
    const { process: server, outcome } = start([...GOOD.serve(), "--json"]);
    const first = await new Promise<string>((resolve) =>
      server.stdout.once("data", (text: string) => resolve(text)),
    );
    const { url } = Serving.parse(JSON.parse(first));
    const health = await fetch(`${url}/healthz`);
    expect(await health.json()).toEqual({ status: "ok" });
    server.kill("SIGTERM");
    expect(await outcome).toMatchObject({ code: 0, stdout: first, stderr: "" });
  });

  test("of run says what the files say", async () => {
    expect(run).toMatchObject({
      runId: run.runDir.slice(out.length + 1),
      artifact: join(run.runDir, "artifact"),
      status: "done",
      reproducible: true,
      tasks: { total: 8, completed: 8, failed: 0 },
      analysis: { on: "test", k: 8 },
      execution: { variant: expect.any(String), attempts: 8, lost: 0 },
    });
    expect(run.runDir.startsWith(join(out, "bag-"))).toBe(true);
    const worked = run.execution.workers.reduce((sum, { tasks }) => sum + tasks, 0);
    expect(worked).toBe(8);
    expect(run.metrics.test).toEqual({
      accuracy: expect.any(Number),
      brier: expect.any(Number),
      nll: expect.any(Number),
    });
    expect(run.seconds.total).toBeGreaterThan(0);
    expect(run.seconds.train).toBeGreaterThan(0);
    const { result, execution } = ReportDocument.parse(
      JSON.parse(readFileSync(join(run.runDir, "report.json"), "utf8")),
    );
    expect(result).toMatchObject({ ledger: run.ledger, metrics: run.metrics });
    expect(result.analysis).toMatchObject({ ...run.analysis });
    expect(execution).toMatchObject({ runId: run.runId, ...run.execution });
  });

  test("of run without a split: no test score, and the analysis is on the training rows", async () => {
    const { split: _, ...data } = bag.data;
    const path = writeExperiment(folder, { ...bag, name: "whole", data });
    const { stdout } = await manyfold(["run", path, "--out", out, "--json"]);
    const whole = RunDocument.parse(JSON.parse(stdout));
    expect(whole.metrics.test).toBeNull();
    expect(whole.metrics.oob).not.toBeNull();
    expect(whole.analysis).toMatchObject({ on: "train", rows: 90 });
  });

  test("of a search has the best trial and all trials", async () => {
    const path = writeExperiment(folder, search);
    const { stdout } = await manyfold(["run", path, "--out", out, "--json"]);
    const { best, trials } = RunDocument.parse(JSON.parse(stdout));
    expect(trials).toHaveLength(6);
    expect(trials?.[best?.trial ?? -1]).toMatchObject({ ...best, state: "completed" });
  });

  test("of a search's trials, and of why one of them is as it is", async () => {
    const path = writeExperiment(folder, search);
    const { stdout } = await manyfold(["run", path, "--out", out, "--json"]);
    const { runDir, trials = [] } = RunDocument.parse(JSON.parse(stdout));
    const table = await manyfold(["trials", runDir]);
    expect(table.stdout).toBe(readFileSync(join(runDir, "trials.csv"), "utf8"));
    const lines = table.stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(trials.length + 1);
    expect(lines[0]).toMatch(/^trial,state,value,standard_error,epochs,attempts,seconds,/);
    expect(lines[3]).toMatch(new RegExp(`^2,completed,${trials[2]?.value},`));
    const why = await manyfold(["why", runDir, "2", "--json"]);
    expect(JSON.parse(why.stdout)).toMatchObject({ status: "done", trial: trials[2] });
    const none = await manyfold(["why", runDir, "6", "--json"]);
    expect(none.code).toBe(2);
    const message = `trial of ${basename(runDir)} must be one of 0 to 5, got 6.`;
    expect(JSON.parse(none.stdout).error.message).toContain(message);
  });
});

describe("streams", () => {
  test("of a run: nothing but the document is for stdout", async () => {
    const { code, stdout, stderr } = await manyfold(GOOD.run());
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain("8 of 8 tasks");
    expect(stderr).toMatch(/Why 8 beat one/);
    expect(stderr).toMatch(/npx manyfold predict \S+artifact \S+trees\.csv/);
    expect(stderr).not.toContain(ESCAPE);
  });

  test("--quiet says nothing at all", async () => {
    expect(await manyfold([...GOOD.run(), "--quiet"])).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "",
    });
  });

  test.each(["predict", "analyze", "schema", "plan", "runs"] as const)(
    "of %s: its data are for stdout",
    async (command) => {
      const { code, stdout, stderr } = await manyfold(GOOD[command]());
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).not.toBe("");
      expect(stdout).not.toContain(ESCAPE);
    },
  );

  test("predict --out writes the file, and nothing to stdout", async () => {
    const file = join(folder, "predicted.csv");
    const printed = await manyfold(GOOD.predict());
    expect(await manyfold([...GOOD.predict(), "--out", file])).toMatchObject({
      code: 0,
      stdout: "",
    });
    expect(readFileSync(file, "utf8")).toBe(printed.stdout);
  });

  test("the schema is the one that configurations are checked with", async () => {
    const { stdout } = await manyfold(["schema"]);
    expect(JSON.parse(stdout)).toEqual(experimentJsonSchema());
  });

  test("a reader that stops early is no failure", async () => {
    const { process: child, outcome } = start(GOOD.predict());
    child.stdout.destroy();
    const { code, stderr } = await outcome;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  // The only difference that the environment can make here is colour; there is no terminal.
  test.each([{ NO_COLOR: "1" }, { TERM: "dumb" }, { FORCE_COLOR: "0" }, {}])(
    "no escape codes without a terminal: %o",
    async (env) => {
      const outcome = await manyfold(["run", join(folder, "none.yaml")], { env });
      expect(outcome).toMatchObject({ code: 2, stdout: "" });
      expect(outcome.stderr).toMatch(/^error: /);
      expect(outcome.stderr).not.toContain(ESCAPE);
    },
  );

  test.skipIf(process.platform !== "linux")(
    "on a terminal there is colour, but for NO_COLOR",
    async () => {
      const onTerminal = async (env: Record<string, string>) => {
        // On a machine of continuous integration Node takes no terminal for a coloured one.
        const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...rest } = process.env;
        const line = `${process.execPath} ${join(inject("program"), "main.js")} run ${folder}/none.yaml`;
        const child = spawn(TERMINAL, ["-qec", line, "/dev/null"], {
          env: { ...rest, TERM: "xterm", ...env },
          stdio: ["ignore", "pipe", "ignore"],
        });
        let text = "";
        child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
        await new Promise((resolve) => child.once("close", resolve));
        return text;
      };
      expect(await onTerminal({})).toContain(`${ESCAPE}[31merror`);
      expect(await onTerminal({ NO_COLOR: "1" })).not.toContain(ESCAPE);
    },
  );
});

test("a run's folder holds what it says, and nothing half-written", () => {
  const files = filesBelow(run.runDir).filter((name) => !name.startsWith("blobs/"));
  expect(files).toEqual([
    "artifact/manifest.json",
    "artifact/weights.safetensors",
    "journal.log",
    "predictions.csv",
    "report.html",
    "report.json",
    "run.json",
  ]);
  const page = readFileSync(join(run.runDir, "report.html"), "utf8");
  expect(page).not.toMatch(/(?:src|href)=["']?(?:https?:)?\/\//);
});
