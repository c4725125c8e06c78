import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Outputs } from "@manyfold/coordinator";
import { begin, checkExperiment, runToEnd } from "@manyfold/coordinator";
import type { RawTable } from "@manyfold/data";
import { prepare } from "@manyfold/data";
import { memoryBlobs, memoryJournal, readCsv } from "@manyfold/files";
import type { ExperimentInput, JournalRecord } from "@manyfold/protocol";
import { Experiment } from "@manyfold/protocol";
import { preferredVariant, threadsExecutor } from "@manyfold/workers";

const clock = { now: () => Date.now(), monotonic: () => performance.now() };
const timers = {
  sleep: (milliseconds: number) => delay(milliseconds),
  every: (milliseconds: number, callback: () => void) => {
    const timer = setInterval(callback, milliseconds);
    return () => clearInterval(timer);
  },
};

/** Runs experiments in memory on all cores, one after the other, with one pool of threads. */
export interface Laboratory {
  run(input: ExperimentInput, raw?: RawTable): Promise<Outputs>;
  close(): Promise<void>;
}

export function openLaboratory(): Laboratory {
  const blobs = memoryBlobs();
  const executor = threadsExecutor({ blobs, clock, timers, workers: availableParallelism() });
  return {
    async run(input, raw) {
      const experiment = Experiment.parse(input);
      checkExperiment(experiment);
      const table = raw ?? (await readCsv(experiment.data.source, experiment.data));
      const { data, tables } = prepare(table, experiment);
      for (const bytes of tables) await blobs.put(bytes);
      const journal = memoryJournal();
      const created: JournalRecord = {
        type: "created",
        version: 1,
        run: experiment.name,
        experiment,
        variant: preferredVariant(),
        data,
        time: clock.now(),
        manyfold: "evidence",
      };
      await journal.append(0, [created]);
      const setting = { executor: "threads", host: "local", node: process.version, manyfold: "" };
      const world = { journal, blobs, executor, clock };
      const ending = await runToEnd(begin(created), world, setting, async () => undefined);
      if (ending.status === "interrupted") throw new Error("Nobody interrupted this run.");
      return ending;
    },
    close: () => executor.close(),
  };
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean and its 95 % interval by Student's t over independent repeats. */
export function meanInterval(values: readonly number[], t: number) {
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  const error = Math.sqrt(squares / (values.length - 1) / values.length);
  return { mean: centre, low: centre - t * error, high: centre + t * error, standardError: error };
}

/** Keeps a result beside this file, and shows it unless it is only on its way. */
export function keep(name: string, result: object, quiet = false): void {
  const text = `${JSON.stringify(result, null, 2)}\n`;
  writeFileSync(placeOf(name), text);
  if (!quiet) console.log(text);
}

/** A result as it was kept; undefined where there is none yet. */
export function kept<Result>(name: string): Result | undefined {
  const place = placeOf(name);
  return existsSync(place) ? (JSON.parse(readFileSync(place, "utf8")) as Result) : undefined;
}

const placeOf = (name: string) => new URL(`results/${name}.json`, import.meta.url);
