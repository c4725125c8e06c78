import { availableParallelism } from "node:os";
import type { Command } from "commander";
import {
  allTasks,
  begin,
  paramsOf,
  proposedTrials,
  stepsOf,
  trialCount,
  waitingTasks,
} from "@manyfold/coordinator";
import { buildNetwork, describeNetwork, ioOf } from "@manyfold/core";
import type { Experiment, JournalRecord } from "@manyfold/protocol";
import { schedulerOf } from "@manyfold/search";
import { preferredVariant, taskBytes } from "@manyfold/workers";
import { readConfig } from "../config.ts";
import { clock } from "../environment.ts";
import { readData, readModule } from "../session.ts";
import { print } from "../terminal.ts";
import { VERSION } from "../version.ts";

/** Trials that a plan lists. */
const LISTED = 8;

export function registerPlan(program: Command): void {
  program
    .command("plan")
    .description(
      "check a configuration and its data, and say what a run would do, without doing it",
    )
    .argument("<config>", "a YAML file")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  manyfold plan configs/digits-bagging.yaml\n")
    .action(async (path: string, { json }: { json?: boolean }) => {
      const plan = await planOf(path);
      if (json) return print(JSON.stringify({ status: "done", ...plan }));
      print(describe(plan).join("\n"));
    });
}

async function planOf(path: string) {
  const config = await readConfig(path);
  const { experiment } = config;
  const { data } = await readData(config, experiment);
  const module = await readModule(config, experiment);
  const created: JournalRecord = {
    type: "created",
    version: 1,
    run: "plan",
    experiment,
    variant: preferredVariant(),
    data,
    ...(module && { module: module.hash }),
    time: clock.now(),
    manyfold: VERSION,
  };
  const state = begin(created);
  const tasks = allTasks(state);
  const { preprocessing, table } = data.final;
  const network = buildNetwork(experiment.model, ioOf(preprocessing));
  const trials = trialCount(experiment);
  return {
    name: experiment.name,
    data: { ...data.source, rows: table.rows, inputs: table.inputs, notes: data.notes },
    objective: module && { ...experiment.objective, hash: module.hash },
    network: experiment.objective
      ? null
      : { parameters: network.parameters.size, summary: describeNetwork(network) },
    search: experiment.search
      ? {
          trials: Number.isFinite(trials) ? trials : null,
          budget: experiment.search.budget ?? null,
          order: experiment.search.order,
          folds: data.folds.length,
          repeats: experiment.search.repeats,
          confirm: experiment.search.confirm ?? null,
          table: schedulerOf(experiment.search)?.table({ epochs: stepsOf(experiment), trials }),
          first: Array.from({ length: Math.min(proposedTrials(state), LISTED) }, (_, trial) =>
            paramsOf(state, trial),
          ),
        }
      : null,
    stop: stopOf(experiment),
    tasks: tasks.length + waitingTasks(state),
    bytesPerTask: Math.max(0, ...tasks.map(({ spec }) => taskBytes(spec))),
    workers: availableParallelism(),
  };
}

/** Between which numbers of members a growing bag will end, and by what rule; null for others. */
function stopOf({ ensemble }: Experiment) {
  if (!ensemble?.stop || !ensemble.bagging) return null;
  return { ...ensemble.stop, least: ensemble.stop.step, most: ensemble.bagging.members };
}

type Plan = Awaited<ReturnType<typeof planOf>>;

function cells({ folds, repeats }: NonNullable<Plan["search"]>): string {
  const count = folds * repeats;
  const how = repeats > 1 ? ` (${folds} fold${folds === 1 ? "" : "s"}, ${repeats} repeats)` : "";
  return `${count} cell${count === 1 ? "" : "s"}${how}`;
}

function describe(plan: Plan): string[] {
  const { data, network, objective, search, stop } = plan;
  const memory = (plan.bytesPerTask / 2 ** 20).toFixed(1);
  return [
    `${plan.name}: ${plan.tasks} tasks, each about ${memory} MiB, on ${plan.workers} cores by default`,
    `data: ${data.name}, ${data.rows} rows, ${data.inputs} network inputs`,
    ...data.notes.map((note) => `  note: ${note}`),
    ...(network ? ["network:", ...network.summary.split("\n").map((line) => `  ${line}`)] : []),
    ...(objective
      ? [
          `objective: ${objective.export ?? ""} of ${objective.module ?? ""} (sha256 ${objective.hash.slice(0, 12)}), ${objective.steps ?? 1} steps, to ${objective.direction ?? ""}`,
        ]
      : []),
    ...(stop
      ? [
          `ensemble: ${stop.least} to ${stop.most} members in steps of ${stop.step}, until the gain still to be had, (v - c)/k, is out of bag at most ${stop.tolerance} of c with confidence ${stop.confidence}; only the first step is counted above`,
        ]
      : []),
    ...(search
      ? [
          `search: ${search.trials ?? "as many as the budget allows"} trials of ${cells(search)} each, then the best ${objective ? "is called with all training rows and the test rows" : "is fitted on all training rows"}`,
          ...(search.budget
            ? [
                `  ends early at ${Object.entries(search.budget)
                  .map(([name, limit]) => `${name} ${limit}`)
                  .join(", ")}`,
              ]
            : []),
          ...(search.order === "free"
            ? [
                "  order: free - no slot waits for results, and another run tries other settings: not reproducible",
              ]
            : []),
          ...(search.confirm
            ? [
                `  the leading ${search.confirm.trials} are assessed again, ${search.confirm.rounds * search.folds} times each on fresh splits`,
              ]
            : []),
          ...(search.table ?? []).map((row) => `  ${row.join("  ")}`),
          ...search.first.map((params, trial) => `  trial ${trial}: ${JSON.stringify(params)}`),
          ...((search.trials ?? Infinity) > search.first.length ? ["  ..."] : []),
        ]
      : []),
  ];
}
