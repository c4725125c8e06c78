import type { FittedColumn, Preprocessing } from "@manyfold/protocol";
import { z } from "zod";

/** What is sent to `POST /predict`. */
export interface PredictRequest {
  /** One object per row, a value per input column. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Whether each member's own prediction is wanted too. */
  readonly members: boolean;
}

type Kind = FittedColumn["kind"];

interface Value {
  readonly schema: z.ZodType;
  /** What the schema accepts, for people. */
  readonly condition: string;
}

/** What JSON says in place of a cell, per kind of column. `null` says that the value is missing. */
export const VALUES: { readonly [K in Kind]: Value } = {
  numeric: {
    schema: z.number().nullable(),
    condition: "a finite number, or null where it is missing",
  },
  boolean: {
    schema: z.union([z.boolean(), z.literal(0), z.literal(1)]).nullable(),
    condition: "true or false, or null where it is missing",
  },
  // Levels that are numbers in the source were texts in training.
  categorical: {
    schema: z.union([z.string(), z.number(), z.boolean()]).nullable(),
    condition: "a text, or null where it is missing",
  },
};

/**
 * The schema of requests to one artifact: every input column by its name, each time. Target columns
 * may be there (rows are often copied from a table that has them) and are not looked at; any other
 * name is an error. Since every name is known, a row has no more columns than the artifact.
 */
export function requestSchema(
  { inputs, target }: Preprocessing,
  { rows }: { readonly rows: number },
): z.ZodType<PredictRequest> {
  const shape = new Map<string, z.ZodType>();
  for (const name of targetNames(target)) shape.set(name, z.unknown().optional());
  for (const { name, kind } of inputs) shape.set(name, VALUES[kind].schema);
  const row = z.strictObject(Object.fromEntries(shape));
  return z.strictObject({
    rows: z.array(row).min(1).max(rows),
    members: z.boolean().default(false),
  });
}

/** Names of the columns that are predicted. */
function targetNames(target: Preprocessing["target"]): string[] {
  return target.task === "classification"
    ? [target.column]
    : target.columns.map(({ name }) => name);
}
