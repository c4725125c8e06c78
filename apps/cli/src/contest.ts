import { mkdir, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { ContestantOf } from "@manyfold/coordinator";
import {
  begin,
  checkExperiment,
  contestantsOf,
  contestMembers,
  runToEnd,
} from "@manyfold/coordinator";
import { contestOf } from "@manyfold/ensemble";
import { memoryBlobs, memoryJournal, writeFileAtomic } from "@manyfold/files";
import type { ContestRow, JournalRecord, RunResult, Variant } from "@manyfold/protocol";
import { Contest, hashJson, ManyfoldError } from "@manyfold/protocol";
import type { Config } from "./config.ts";
import { contestTable } from "./contest-table.ts";
import { clock } from "./environment.ts";
import { executors, memoryBudget } from "./executors.ts";
import { readData } from "./session.ts";
import { onInterrupt } from "./signals.ts";
import { EXIT, print, tell } from "./terminal.ts";
import { requireVariant, variantOf } from "./variant.ts";
import type { VariantFlags } from "./variant.ts";
import { VERSION } from "./version.ts";

export interface ContestFlags extends VariantFlags {
  readonly executor: "inline" | "threads";
  readonly workers: number;
  readonly seeds: number;
  readonly members?: number;
  readonly out: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Compares dropout with bagging on a configuration's data, over seeds; returns the exit code. */
export async function runContest(config: Config, flags: ContestFlags): Promise<number> {
  const { experiment } = config;
  const variant = variantOf(flags);
  const seeds = Array.from({ length: flags.seeds }, (_, i) => experiment.seed + i);
  const contestants = ways(config, flags.members ?? contestMembers(experiment));
  await requireVariant(variant);
  const folder = join(flags.out, `compare-${experiment.name}`);
  await mkdir(folder, { recursive: true });
  const path = join(folder, "contest.json");
  const known = await keptRows(path);
  const rows: ContestRow[] = [];
  const summed = (): Contest =>
    contestOf(
      {
        name: experiment.name,
        task: experiment.data.task,
        unit:
          experiment.data.task === "classification"
            ? "Brier score, summed over classes"
            : "squared target units",
        variant,
        seeds,
        labels: contestants.map(({ name, label }) => [name, label] as const),
      },
      rows,
    );
  const { drain, release } = onInterrupt(folder);
  try {
    for (const seed of seeds) {
      const bench = await openBench(config, seed, { variant, flags, drain });
      try {
        for (const contestant of contestants) {
          const id = bench.id(contestant);
          const row = known.get(id) ?? (await bench.run(contestant, id));
          if (row === null) {
            tell(`Stopped; what is done is kept in ${path}. The same command goes on.`);
            return EXIT.interrupted;
          }
          rows.push(row);
          if (known.has(id)) continue;
          await writeFileAtomic(path, `${JSON.stringify(summed(), null, 2)}\n`);
          if (flags.quiet !== true && flags.json !== true) {
            tell(`seed ${seed}  ${contestant.label}: error ${Number(row.error.toPrecision(4))}`);
          }
        }
      } finally {
        await bench.close();
      }
    }
  } finally {
    release();
  }
  const contest = summed();
  await writeFileAtomic(path, `${JSON.stringify(contest, null, 2)}\n`);
  const { renderContest } = await import("@manyfold/report");
  const page = join(folder, "contest.html");
  await writeFileAtomic(page, renderContest(contest));
  print(flags.json ? JSON.stringify({ status: "done", page, ...contest }) : contestTable(contest));
  if (flags.quiet !== true && flags.json !== true) tell(`\npage          ${page}`);
  return EXIT.done;
}

/** The contestants, each checked as if it stood in the file. */
function ways(config: Config, members: number): ContestantOf[] {
  try {
    const all = contestantsOf(config.experiment, members);
    for (const { experiment } of all) checkExperiment(experiment);
    return all;
  } catch (error) {
    throw config.located(error);
  }
}

/** Rows of an earlier comparison in the same folder, by id; none where the file is another's. */
async function keptRows(path: string): Promise<Map<string, ContestRow>> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return new Map();
  try {
    const { rows } = Contest.parse(JSON.parse(text));
    return new Map(rows.map((row) => [row.id, row]));
  } catch {
    throw new ManyfoldError({
      code: "input",
      path,
      condition: "a comparison that this version of manyfold wrote",
      got: "another document",
      help: "Take it away, or give --out another folder.",
    });
  }
}

interface Bench {
  readonly id: (contestant: ContestantOf) => string;
  /** Null where it was interrupted. */
  readonly run: (contestant: ContestantOf, id: string) => Promise<ContestRow | null>;
  readonly close: () => Promise<void>;
}

/** Data of one seed and an executor, for all contestants. */
async function openBench(
  config: Config,
  seed: number,
  {
    variant,
    flags,
    drain,
  }: { readonly variant: Variant; readonly flags: ContestFlags; readonly drain: AbortSignal },
): Promise<Bench> {
  const { data, tables } = await readData(config, { ...config.experiment, seed });
  const blobs = memoryBlobs();
  for (const bytes of tables) await blobs.put(bytes);
  const executor = executors[flags.executor]({
    blobs,
    workers: flags.workers,
    limits: config.experiment.limits,
    memory: memoryBudget(),
    modules: new Map(),
    run: `compare-${config.experiment.name}`,
    cluster: undefined,
    onProfile: undefined,
    drain,
  });
  const setting = {
    executor: flags.executor,
    host: hostname(),
    node: process.version,
    manyfold: VERSION,
  };
  return {
    id: ({ experiment }) =>
      hashJson([{ ...experiment, seed, name: "" }, data.source.hash, variant]),
    run: async ({ name, label, experiment }, id) => {
      const created: JournalRecord = {
        type: "created",
        version: 1,
        run: `${name}-${seed}`,
        experiment: { ...experiment, seed },
        variant,
        data,
        time: clock.now(),
        manyfold: VERSION,
      };
      const journal = memoryJournal();
      await journal.append(0, [created]);
      const world = { journal, blobs, executor, clock, drain };
      const ending = await runToEnd(begin(created), world, setting, async () => undefined);
      if (ending.status === "interrupted") return null;
      const { result, execution } = ending.report;
      const figures = figuresOf(result);
      if (figures === null) {
        throw new ManyfoldError({
          code: "input",
          path: label,
          condition: "trained to its end",
          got: ending.error?.message.split("\n")[0] ?? "no result",
          help: "A smaller learning rate helps against nan.",
        });
      }
      const { train: seconds } = execution.seconds;
      const networks = result.members.length;
      return { contestant: name, seed, id, networks, ...figures, seconds, ledger: result.ledger };
    },
    close: () => executor.close(),
  };
}

/** What a comparison takes from a result; null where a run has none. */
function figuresOf({ analysis, metrics: { test }, observatory }: RunResult) {
  if (!analysis || !test || !observatory) return null;
  const { k, v, c, ensembleError: error } = analysis;
  const { calibration } = observatory;
  return {
    k,
    v,
    c,
    error,
    score: "accuracy" in test ? test.accuracy : test.rmse,
    nll: test.nll,
    calibration: "ece" in calibration ? calibration.ece.equalWidth : calibration.crps,
  };
}
