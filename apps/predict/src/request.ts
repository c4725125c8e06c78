import type { FittedColumn, Preprocessing } from "@manyfold/protocol";
import { z } from "zod";

/** What is sent to `POST /predict`. */
export interface PredictRequest {
  /** One object per row, a value per input column. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Whether each member's own prediction is wanted too. */
  readonly members: boolean;
  /** Least probability of a label, or largest spread of a value, that is answered. */
  readonly abstain?: number | undefined;
  /** Coverage that the intervals or sets must have. */
  readonly coverage?: number | undefined;
}

/** What may be asked of every row; the same in a body and behind the question mark of an address. */
export const SETTINGS = {
  members: z.boolean().default(false).describe("Each member's own prediction too."),
  abstain: z
    .number()
    .min(0)
    .optional()
    .describe("Abstain where the label is less probable, or a value's spread larger."),
  coverage: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe("Coverage of intervals or sets; default what the experiment asked for."),
};

/** Settings behind the question mark: texts. */
export const Query = z.strictObject({
  members: z
    .enum(["true", "false"])
    .optional()
    .describe(SETTINGS.members.description ?? ""),
  abstain: z.coerce.number().min(0).optional(),
  coverage: z.coerce.number().gt(0).lt(1).optional(),
});
export type Query = z.infer<typeof Query>;

/** What a request's body looks like for any artifact; `GET /model` names its inputs. */
export const AnyRequest = z.strictObject({
  rows: z
    .array(z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()])))
    .min(1)
    .describe("An object per row with a value per input column; null where it is missing."),
  ...SETTINGS,
});

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
  { inputs, target, heads = [] }: Preprocessing,
  { rows }: { readonly rows: number },
): z.ZodType<PredictRequest> {
  const shape = new Map<string, z.ZodType>();
  for (const name of [target, ...heads].flatMap(targetNames))
    shape.set(name, z.unknown().optional());
  for (const { name, kind } of inputs) shape.set(name, VALUES[kind].schema);
  const row = z.strictObject(Object.fromEntries(shape));
  return z.strictObject({
    rows: z.array(row).min(1).max(rows),
    ...SETTINGS,
  });
}

/** Names of the columns that are predicted. */
function targetNames(target: Preprocessing["target"]): string[] {
  return target.task === "classification"
    ? [target.column]
    : target.columns.map(({ name }) => name);
}
