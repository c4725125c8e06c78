import { fold, key, type Key } from "@manyfold/core";
import {
  hashBytes,
  ManyfoldError,
  match,
  show,
  type DataSpec,
  type Experiment,
  type Hash,
  type PreparedData,
  type PreparedTable,
  type Preprocessing,
} from "@manyfold/protocol";
import { printable } from "./cells.ts";
import { isMissingAt } from "./column.ts";
import { encodeHeads, encodeRows, encodeTargets } from "./encode.ts";
import { fitPreprocessing } from "./preprocessing.ts";
import type { RawTable, RawTarget } from "./raw-table.ts";
import { foldRows, splitRows, type Split, type SplitBy } from "./splits.ts";
import { encodeTable, ROLES, tableRef } from "./table.ts";

/** Prepared data: what the journal keeps of it, and the tables' bytes, as `tablesOf` orders them. */
export interface Prepared {
  readonly data: PreparedData;
  readonly tables: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * Makes a source ready for an experiment: the final table (all rows, test rows held out, fitted on
 * the training rows; where networks of the search are kept, on those that train them), and with a search one table per fold, or one for its validation split, of
 * training rows only and fitted anew on each fold's own, and again as often as leading trials are
 * to be confirmed, otherwise split. Test rows never enter a fold.
 *
 * @param hash sha256, where a faster one than the portable one is at hand
 */
export function prepare(
  raw: RawTable,
  experiment: Experiment,
  hash: (bytes: Uint8Array) => Hash = hashBytes,
): Prepared {
  const { data: spec, seed, search, ensemble } = experiment;
  // Only then, so that a table without is the same bytes as ever.
  const grouped = "grouped" in (ensemble?.bagging?.sample ?? {});
  const fitting = { spec, grouped, hash };
  const from = fold(key(seed), "split");
  const split = testSplit(fold(from, "test"), raw, spec);
  const foldsOf = (key: Key) =>
    search === undefined
      ? []
      : assessments(key, raw, split.train, search.assess).map((own) => ({
          own,
          ...fitted(raw, { train: own.train, validation: own.held }, fitting),
        }));
  const folds = foldsOf(from);
  const [kept] = ensemble?.fromSearch?.refit === false ? folds : [];
  // Networks of trials see the test rows as they saw their own.
  const final = kept
    ? fitted(
        raw,
        { train: kept.own.train, validation: kept.own.held, test: split.held },
        { ...fitting, preprocessing: kept.prepared.preprocessing },
      )
    : fitted(raw, { train: split.train, test: split.held }, fitting);
  const rounds = search?.confirm?.rounds ?? 0;
  const fresh = Array.from({ length: rounds }, (_, round) =>
    foldsOf(fold(from, "fresh", round)),
  ).flat();
  return {
    data: {
      source: { name: spec.source, hash: raw.hash, rows: raw.rows },
      final: final.prepared,
      folds: folds.map(({ prepared }) => prepared),
      ...(fresh.length > 0 && { fresh: fresh.map(({ prepared }) => prepared) }),
      notes: notes(raw, split, final.prepared.preprocessing),
    },
    tables: [final, ...folds, ...fresh].map(({ bytes }) => bytes),
  };
}

/** Classification strata, and groups; see {@link SplitBy}. */
function balance(raw: RawTable, stratify: boolean): SplitBy {
  const strata = stratify && raw.target.task === "classification" ? raw.target.codes : undefined;
  return { strata, groups: raw.groups };
}

function testSplit(from: Key, raw: RawTable, { split: spec }: DataSpec): Split {
  const rows = raw.labelled;
  if (spec === undefined) return { train: rows, held: new Uint32Array(0) };
  if (spec.stratify) checkStrata(raw, spec.group);
  return splitRows(from, rows, spec.test, balance(raw, spec.stratify));
}

function checkStrata(raw: RawTable, group: string | undefined): void {
  const refuse = (condition: string, help: string) => {
    const path = "data.split.stratify";
    throw new ManyfoldError({ code: "config", path, condition, got: "true", help });
  };
  if (group !== undefined) {
    refuse("false with data.split.group", "Whole groups cannot keep every class's share.");
  }
  const { target } = raw;
  if (target.task === "regression") {
    refuse("false for regression", "There are no classes to keep in balance.");
    return;
  }
  const counts = new Uint32Array(target.classes.length);
  for (const row of raw.labelled) counts[target.codes[row]!]!++;
  const rare = counts.findIndex((count) => count < 2);
  if (rare < 0) return;
  const row = target.codes.indexOf(rare);
  throw new ManyfoldError({
    code: "input",
    path: `${raw.source}:${raw.lines[row]} column ${printable(target.column)}`,
    condition: "a class of at least 2 rows for a stratified split",
    got: `${show(target.classes[rare])} in 1 row`,
    help: "Add rows of that class, take it out, or set data.split.stratify: false.",
  });
}

/** How a search's settings are assessed: on training rows, by class, by group where there are groups. */
function assessments(
  from: Key,
  raw: RawTable,
  train: Uint32Array,
  assess: NonNullable<Experiment["search"]>["assess"],
): Split[] {
  const by = balance(raw, true);
  return match(assess, {
    validation: ({ fraction }) => [splitRows(fold(from, "validation"), train, fraction, by)],
    folds: ({ k }) => foldRows(fold(from, "folds"), train, k, by),
  });
}

/** How a table is made. */
interface Fitting {
  readonly spec: DataSpec;
  /** Whether it names the rows' groups. */
  readonly grouped: boolean;
  readonly hash: (bytes: Uint8Array) => Hash;
  /** Where it is known, and not to be fitted. */
  readonly preprocessing?: Preprocessing;
}

/** Rows by what they are for. */
interface Roles {
  readonly train: Uint32Array;
  readonly validation?: Uint32Array;
  readonly test?: Uint32Array;
}

const NO_ROWS = new Uint32Array(0);

/** The table of a split's rows, in the order of the source, fitted on its training rows. */
function fitted(
  raw: RawTable,
  { train, validation = NO_ROWS, test = NO_ROWS }: Roles,
  { spec, grouped, hash, preprocessing: known }: Fitting,
): { prepared: PreparedTable; bytes: Uint8Array<ArrayBuffer> } {
  const held = Uint32Array.from([...validation, ...test]);
  const unlabelled = unlabelledBeside(raw, held);
  const seen = Uint32Array.from([...train, ...unlabelled]).sort();
  const preprocessing = known ?? fitPreprocessing(raw, train, spec.scale, seen);
  const rowNumbers = Uint32Array.from([...seen, ...held]).sort();
  const codes = new Map<number, number>();
  for (const row of validation) codes.set(row, ROLES.indexOf("validation"));
  for (const row of test) codes.set(row, ROLES.indexOf("test"));
  for (const row of unlabelled) codes.set(row, ROLES.indexOf("unlabelled"));
  const bytes = encodeTable({
    x: encodeRows(preprocessing, raw, rowNumbers),
    y: encodeTargets(preprocessing, raw.target, rowNumbers),
    sides: encodeHeads(preprocessing, raw.heads, rowNumbers),
    roles: Uint8Array.from(rowNumbers, (row) => codes.get(row) ?? 0),
    rowNumbers,
    ...(grouped && raw.groups && { groups: rowNumbers.map((row) => raw.groups?.[row] ?? 0) }),
    classes: classesOf(raw.target),
    heads: raw.heads.map(classesOf),
  });
  return { prepared: { table: tableRef(bytes, hash), preprocessing }, bytes };
}

/** Number of classes; 0 for a regression. */
function classesOf(target: RawTarget): number {
  return target.task === "classification" ? target.classes.length : 0;
}

/** The rows without a target, but those of groups that are held out. */
function unlabelledBeside(raw: RawTable, held: Uint32Array): Uint32Array {
  const { groups, labelled, rows } = raw;
  const apart = new Set(labelled);
  const heldGroups = new Set(groups && Array.from(held, (row) => groups[row]));
  return Uint32Array.from({ length: rows }, (_, row) => row).filter(
    (row) => !apart.has(row) && !(groups && heldGroups.has(groups[row])),
  );
}

/** What people should know about the data, one line each. */
function notes(raw: RawTable, { train }: Split, preprocessing: Preprocessing): string[] {
  const lines: string[] = [];
  const unlabelled = raw.rows - raw.labelled.length;
  if (unlabelled > 0) {
    lines.push(`${unlabelled} of ${raw.rows} rows without a target: learned from, never scored.`);
  }
  const constant = preprocessing.inputs
    .filter((column) => column.kind === "numeric" && column.factor === 0)
    .map(({ name }) => printable(name));
  if (constant.length > 0) {
    lines.push(
      `${counted(constant, "input")} constant in the training rows, scaled to 0: ${listed(constant)}.`,
    );
  }
  const imputed = raw.columns
    .map((column) => ({ name: printable(column.name), missing: missingIn(raw, column) }))
    .filter(({ missing }) => missing > 0);
  if (imputed.length > 0) {
    const cells = imputed.reduce((sum, { missing }) => sum + missing, 0);
    const columns = imputed.map(({ name, missing }) => `${name} (${missing})`);
    lines.push(
      `${cells} missing ${cells === 1 ? "value" : "values"} imputed from the training rows: ${listed(columns)}.`,
    );
  }
  if (raw.ignored.length > 0) {
    const ignored = raw.ignored.map(printable);
    lines.push(`${counted(ignored, "column")} left out of the inputs: ${listed(ignored)}.`);
  }
  for (const column of preprocessing.inputs) {
    if (column.kind !== "categorical" || column.levels.length <= MANY_LEVELS) continue;
    lines.push(
      `${printable(column.name)} has ${column.levels.length} different texts, an input each; data.columns.${column.name}: ignore leaves it out.`,
    );
  }
  const { target } = raw;
  if (target.task === "classification") {
    const trained = new Set(Array.from(train, (row) => target.codes[row]));
    const unseen = target.classes.filter((_, code) => !trained.has(code)).map(show);
    if (unseen.length > 0) {
      lines.push(
        `${counted(unseen, "class", "classes")} without a training row: ${listed(unseen)}; data.split.stratify: true keeps each class in both parts.`,
      );
    }
    if (2 * target.classes.length > raw.labelled.length && raw.labelled.length > 20) {
      lines.push(
        `${printable(target.column)} has ${target.classes.length} classes in ${raw.labelled.length} rows; data.task: regression predicts numbers.`,
      );
    }
  }
  return lines;
}

/** More levels than this deserve a line: the column may be a name or a number of something. */
const MANY_LEVELS = 50;

function missingIn(raw: RawTable, column: RawTable["columns"][number]): number {
  let missing = 0;
  for (let row = 0; row < raw.rows; row++) if (isMissingAt(column, row)) missing++;
  return missing;
}

function counted(items: readonly unknown[], one: string, many = `${one}s`): string {
  return `${items.length} ${items.length === 1 ? one : many}`;
}

function listed(names: readonly string[]): string {
  if (names.length <= 12) return names.join(", ");
  return `${names.slice(0, 12).join(", ")} and ${names.length - 12} more`;
}
