import type { FittedTarget } from "@manyfold/protocol";
import { varianceAt } from "./predictive.ts";
import type { HeadPrediction, Prediction } from "./predictor.ts";

/** What a table of predictions has besides values and spread. */
export interface TableOptions {
  /** Columns for every member's own prediction (default none). */
  readonly members?: boolean;
  /** A column that says where the ensemble abstains, see {@link abstains}. */
  readonly abstain?: number | undefined;
  /** Number of the first row (default 0). */
  readonly first?: number;
  /** The targets of `prediction.heads`: columns for each, behind all others (default none). */
  readonly heads?: readonly FittedTarget[] | undefined;
}

/** Predictions as text cells: the same for command line, server and browser. */
export interface PredictionTable {
  readonly header: string[];
  readonly rows: () => Generator<string[]>;
}

interface Columns {
  header(target: FittedTarget, prediction: HeadPrediction): string[];
  cells(target: FittedTarget, prediction: HeadPrediction, row: number): string[];
}

const COLUMNS: { readonly [Task in FittedTarget["task"]]: Columns } = {
  classification: {
    header: (target) => ["label", ...outputNames(target).map((name) => `p.${name}`), "spread"],
    cells: (target, { values, labels, spread, outputs }, row) => [
      outputNames(target)[labels?.[row] ?? 0] ?? "",
      ...texts(values, row, outputs),
      String(spread[row]),
    ],
  },
  regression: {
    header: (target, { moments }) =>
      outputNames(target).flatMap((name) => [
        name,
        `${name}.spread`,
        ...(moments === null ? [] : [`${name}.variance`, `${name}.aleatoric`]),
      ]),
    cells: (_, { values, spread, moments, outputs }, row) =>
      texts(values, row, outputs).flatMap((value, output) => {
        const at = row * outputs + output;
        const said = moments === null ? [] : [varianceAt(moments, at), moments.aleatoric[at]!];
        return [value, String(spread[at]), ...said.map(String)];
      }),
  },
};

/**
 * Predictions as a table: row number; for classes the label, a probability per class and the spread;
 * for values each target and its spread, and its variance and aleatoric part where the networks
 * predict distributions. Then, where there are any, intervals (`y.low`, `y.high`) or
 * sets (labels joined by `|`), abstentions, each member's own, and the further targets (for classes
 * `c.label`, `c.p.CLASS` and `c.spread`).
 */
export function predictionTable(
  target: FittedTarget,
  prediction: Prediction,
  { members = false, abstain, first = 0, heads = [] }: TableOptions = {},
): PredictionTable {
  const columns = COLUMNS[target.task];
  const names = outputNames(target);
  const { outputs, region } = prediction;
  const all = prediction.members.members;
  const memberColumns = members
    ? all.flatMap(({ member }) => names.map((name) => `member_${member}.${name}`))
    : [];
  const regionColumns =
    region === null
      ? []
      : region.kind === "set"
        ? ["set"]
        : names.flatMap((name) => [`${name}.low`, `${name}.high`]);
  const regionCells = (row: number): string[] => {
    if (region === null) return [];
    if (region.kind === "set") {
      return [names.filter((_, cls) => region.classes[row * outputs + cls] === 1).join("|")];
    }
    const { low, high } = region;
    return names.flatMap((_, i) => [low, high].map((end) => String(end[row * outputs + i])));
  };
  return {
    header: [
      "row",
      ...columns.header(target, prediction),
      ...regionColumns,
      ...(abstain === undefined ? [] : ["abstained"]),
      ...memberColumns,
      ...heads.flatMap((head, i) => {
        const own = COLUMNS[head.task].header(head, prediction.heads[i]!);
        return head.task === "classification" ? own.map((name) => `${head.column}.${name}`) : own;
      }),
    ],
    *rows() {
      for (let row = 0; row < prediction.rows; row++) {
        yield [
          String(first + row),
          ...columns.cells(target, prediction, row),
          ...regionCells(row),
          ...(abstain === undefined ? [] : [String(abstains(prediction, row, abstain))]),
          ...(members ? all.flatMap(({ values }) => texts(values, row, outputs)) : []),
          ...heads.flatMap((head, i) => COLUMNS[head.task].cells(head, prediction.heads[i]!, row)),
        ];
      }
    },
  };
}

/**
 * Whether an ensemble keeps its answer about a row to itself: classes, where the most probable one
 * is less probable than the threshold; values, where any target's spread is above it.
 */
export function abstains(
  { labels, values, spread, outputs }: Prediction,
  row: number,
  threshold: number,
): boolean {
  if (labels !== null) return !(values[row * outputs + labels[row]!]! >= threshold);
  for (let at = row * outputs; at < (row + 1) * outputs; at++) {
    if (!(spread[at]! <= threshold)) return true;
  }
  return false;
}

/** Names of a prediction's columns: classes, or target columns. */
export function outputNames(target: FittedTarget): readonly string[] {
  return target.task === "classification" ? target.classes : target.columns.map(({ name }) => name);
}

/** One line of CSV without its end, quoted where it has to be (RFC 4180). */
export function csvLine(cells: readonly string[]): string {
  return cells
    .map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell))
    .join(",");
}

function texts(values: Float64Array, row: number, outputs: number): string[] {
  return Array.from(values.subarray(row * outputs, (row + 1) * outputs), String);
}
