import type { Command } from "commander";
import { buildNetwork, initialize, ioOf, lossFor } from "@manyfold/core";
import { decodeTable, memberKey, ROLES, rowsOf, type Table } from "@manyfold/data";
import { writeFileAtomic } from "@manyfold/files";
import { ManyfoldError, type ModelSpec } from "@manyfold/protocol";
import { readConfig } from "../config.ts";
import { readData } from "../session.ts";
import { print, tell } from "../terminal.ts";

interface Options {
  readonly rows?: string;
  readonly dot?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

export function registerExplain(program: Command): void {
  program
    .command("explain")
    .description("a configuration's network: its graph, a forward and a backward pass, Jacobians")
    .argument("<config>", "a YAML file")
    .option("--rows <numbers>", "rows of the source, from 0, with commas (the first training row)")
    .option("--dot", "print the graph for Graphviz")
    .option("--out <file>", "write a page with the graph drawn")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nWeights are those that the first member starts from.\n\nExample:\n  manyfold explain configs/xor.yaml --rows 1,2 --out xor.html\n",
    )
    .action(async (path: string, { rows, dot, out, json }: Options) => {
      const { describeExplanation, explain, renderExplanation } = await import("@manyfold/lecture");
      const config = await readConfig(path);
      const { experiment } = config;
      const { data, tables } = await readData(config, experiment);
      const { preprocessing } = data.final;
      const { width } = preprocessing;
      requireOneHead(experiment.model);
      const network = buildNetwork(experiment.model, ioOf(preprocessing));
      const table = decodeTable(tables[0] ?? new Uint8Array());
      const chosen = chosenRows(table, rows);
      const weights = new Float32Array(network.parameters.size);
      const place = { seed: experiment.seed, fold: 0, repeat: 0, member: 0 };
      initialize(network, memberKey(place), weights);
      const x = chosen.flatMap((row) => [...table.x.subarray(row * width, (row + 1) * width)]);
      const y = chosen.flatMap((row) => targetsOf(table, row, network));
      const loss = lossFor(experiment.train.loss, network.head, network.targets);
      const explanation = explain({ network, loss, weights, x, y });
      if (json) print(JSON.stringify({ status: "done", ...explanation }));
      else print(dot ? explanation.dot : describeExplanation(explanation));
      if (out !== undefined) {
        await writeFileAtomic(out, renderExplanation(experiment.name, explanation));
        tell(out);
      }
    });
}

/** The passes are written out for one output and its loss. */
function requireOneHead({ heads }: ModelSpec): void {
  if (heads === undefined) return;
  throw new ManyfoldError({
    code: "usage",
    path: "model.heads",
    condition: "left out for explain",
    got: `${heads.length} further ${heads.length === 1 ? "head" : "heads"}`,
    help: "It writes out the passes of one output; take the heads out of a copy of the configuration.",
  });
}

/** Rows of the table by their numbers in the source. */
function chosenRows(table: Table, rows: string | undefined): number[] {
  if (rows === undefined) return [...rowsOf(table, "train").subarray(0, 1)];
  return rows.split(",").map((text) => {
    const row = text.trim() === "" ? -1 : table.rowNumbers.indexOf(Number(text));
    const labelled = row >= 0 && ROLES[table.roles[row] ?? 0] !== "unlabelled";
    if (labelled) return row;
    throw new ManyfoldError({
      code: "usage",
      path: "--rows",
      condition: "numbers of rows with a target, from 0, with commas between",
      got: text,
      help: `The data have ${table.rowNumbers.length} rows.`,
    });
  });
}

/** A class as the loss reads it: one-hot, or the second class's probability. */
function targetsOf(
  table: Table,
  row: number,
  { task, targets }: { readonly task: string; readonly targets: number },
): number[] {
  const width = table.y.length / table.rowNumbers.length;
  if (task === "regression") return [...table.y.subarray(row * width, (row + 1) * width)];
  const label = table.y[row] ?? 0;
  if (targets === 1) return [label];
  return Array.from({ length: targets }, (_, i) => (i === label ? 1 : 0));
}
