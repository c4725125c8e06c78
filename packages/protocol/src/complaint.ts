import type { z } from "zod";
import { ManyfoldError, nearest, sentence, show } from "./error.ts";
import { Experiment } from "./experiment.ts";
import { inputSchema, schemaAt, type JsonSchema } from "./json-schema.ts";

/** What is wrong at one place of a document, before anyone knows its file, line and column. */
export interface ConfigComplaint {
  /** Keys and indices from the document's root; names of search parameters are one key. */
  path: (string | number)[];
  /** Whether the key itself is wrong (an unknown setting) or its value. */
  at: "key" | "value";
  /** What must hold, without "must be". */
  condition: string;
  /** What was found, printed. */
  got: string;
  /** What to do next, one line. */
  help?: string;
}

/** A path as users read it: `model.layers.0.dense.units`. */
export function pathText(path: readonly (string | number)[]): string {
  return path.length === 0 ? "configuration" : path.join(".");
}

/** `<path> must be <condition>, got <value>.` and a line of help; `place` (file:line:column) first. */
export function complaintText(complaint: ConfigComplaint, place?: string): string {
  const path = pathText(complaint.path);
  return sentence({ ...complaint, path: place === undefined ? path : `${place} ${path}` });
}

/** The same as an error to throw, where there is no file to point into. */
export function complaintError(complaint: ConfigComplaint): ManyfoldError {
  const { condition, got, help, path } = complaint;
  const place = { code: "config" as const, path: pathText(path), condition, got };
  return new ManyfoldError(help === undefined ? place : { ...place, help });
}

/** Reads an experiment as users write it, filling defaults and short forms. */
export function parseExperiment(
  input: unknown,
): { ok: true; experiment: Experiment } | { ok: false; complaints: ConfigComplaint[] } {
  const parsed = Experiment.safeParse(withModel(input));
  if (parsed.success) return { ok: true, experiment: parsed.data };
  return { ok: false, complaints: complaintsOf(parsed.error, input) };
}

/** Who brings an objective has no network to describe. */
function withModel(input: unknown): unknown {
  const bare = typeof input === "object" && input !== null && "objective" in input;
  return bare && !("model" in input) ? { ...input, model: { layers: [] } } : input;
}

/**
 * What a failed parse found, for people.
 *
 * @param input the document that was parsed, for the values found
 * @param schema the schema it was parsed with, for the names and values that would have been right
 */
export function complaintsOf(
  error: z.ZodError,
  input: unknown,
  schema: z.ZodType = Experiment,
): ConfigComplaint[] {
  const root = inputSchema(schema);
  const issues = error.issues.flatMap(meantIn);
  // A mistyped key also leaves "exactly one of" unmet; the key is the thing to say.
  const mistyped = issues
    .filter((issue) => issue.code === "unrecognized_keys")
    .map((issue) => pathText(steps(issue.path)));
  return issues
    .filter((issue) => issue.code !== "custom" || !mistyped.includes(pathText(steps(issue.path))))
    .flatMap((issue) => explain(issue, input, root));
}

type Issue = z.core.$ZodIssue;

/** What is wrong within the one alternative of a union that was meant: the only one of that kind. */
function meantIn(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  const kinds = ["invalid_type", "invalid_value"];
  const [meant, ...others] = issue.errors.filter((errors) =>
    errors.every(({ code, path }) => path.length > 0 || !kinds.includes(code)),
  );
  if (meant === undefined || others.length > 0) return [issue];
  return meant.map((own) => ({ ...own, path: [...issue.path, ...own.path] }));
}
type IssueOf<Code extends Issue["code"]> = Extract<Issue, { code: Code }>;
/** Where an issue is: the value found there and the schema of what belongs there. */
interface Place {
  path: (string | number)[];
  value: unknown;
  known: JsonSchema;
}
type Finding = Partial<ConfigComplaint> & { condition: string };
type Rules = { [Code in Issue["code"]]: (issue: IssueOf<Code>, place: Place) => Finding[] };

const rules: Rules = {
  invalid_type: (_, place) => [wanted(place)],
  invalid_value: (_, place) => [wanted(place)],
  invalid_union: (_, place) => [wanted(place)],
  invalid_element: (_, place) => [wanted(place)],
  invalid_format: (issue, { known }) => [
    { condition: noted(known) ?? issue.message.replace(/^must be /, "") },
  ],
  too_small: (issue, place) => [
    size(issue.origin, issue.inclusive ? ">=" : ">", issue.minimum, place),
  ],
  too_big: (issue, place) => [
    size(issue.origin, issue.inclusive ? "<=" : "<", issue.maximum, place),
  ],
  not_multiple_of: (issue) => [{ condition: `a multiple of ${issue.divisor}` }],
  invalid_key: (_, { path }) => [
    { condition: "a path into model, train or ensemble", at: "key", got: show(path.at(-1)) },
  ],
  unrecognized_keys: (issue, place) => issue.keys.map((key) => unknownKey(key, place)),
  custom: (issue) => {
    const condition: unknown = issue.params?.["condition"];
    return [{ condition: typeof condition === "string" ? condition : issue.message }];
  },
};

function explain(issue: Issue, input: unknown, root: JsonSchema): ConfigComplaint[] {
  const path = steps(issue.path);
  const place = { path, value: valueAt(input, path), known: schemaAt(root, path) ?? {} };
  const rule = rules[issue.code] as (issue: Issue, place: Place) => Finding[];
  return rule(issue, place).map((finding) => ({
    path,
    at: "value",
    got: show(place.value),
    ...finding,
  }));
}

function steps(path: readonly PropertyKey[]): (string | number)[] {
  return path.map((step) => (typeof step === "symbol" ? String(step) : step));
}

/** The value at a path; a short form (`dropout: 0.5`) is what all below it are found to be. */
function valueAt(input: unknown, path: readonly (string | number)[]): unknown {
  let value = input;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return value;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** A value of another kind than the schema names, or none at all. */
function wanted({ value, known }: Place): Finding {
  if (known.type === "number" && known.const === undefined && typeof value === "number") {
    return { condition: "a finite number" };
  }
  const condition = inWords(known);
  const meant = typeof value === "string" ? nearest(value, namesOf(known)) : undefined;
  if (meant !== undefined) return { condition, help: `Did you mean ${meant}?` };
  const explained = value === undefined ? known.description : undefined;
  return explained === undefined ? { condition } : { condition, help: explained };
}

function unknownKey(key: string, { path, value, known }: Place): Finding {
  // A bare name, `optimizer: adma`: the value is wrong and no key was written.
  const bare = typeof value === "string";
  const names = bare && known.properties === undefined ? namesOf(known) : keysOf(known);
  const near = nearest(key, names);
  const meant = near === undefined ? {} : { help: `Did you mean ${near}?` };
  if (bare) return { condition: `one of ${names.join(", ")}`, ...meant };
  const unknown = { path: [...path, key], at: "key" as const, condition: "a known setting" };
  return { ...unknown, got: show(key), help: `Known here: ${names.join(", ")}.`, ...meant };
}

/** Conditions on numbers, and on the length of texts and lists. */
function size(origin: string, sign: string, bound: number | bigint, place: Place): Finding {
  if (origin !== "array" && origin !== "string") return { condition: `${sign} ${bound}` };
  const condition = noted(place.known);
  if (condition !== undefined) return { condition };
  const many = sign === ">=" ? `at least ${bound}` : `at most ${bound}`;
  if (origin === "string") {
    return { condition: bound === 1 ? "a text that is not empty" : `a text of ${many} characters` };
  }
  return { condition: `a list of ${many} ${bound === 1 ? "entry" : "entries"}` };
}

function noted(known: JsonSchema): string | undefined {
  const { condition } = known;
  return typeof condition === "string" ? condition : undefined;
}

/** The keys that an object may have, here or as one alternative of several. */
function keysOf(known: JsonSchema): string[] {
  const choices = (known.anyOf ?? []) as JsonSchema[];
  return [...Object.keys(known.properties ?? {}), ...choices.flatMap(keysOf)];
}

/** The names that a value may be. */
function namesOf(known: JsonSchema): string[] {
  const names = [...(known.enum ?? []), ...((known["bareNames"] as unknown[] | undefined) ?? [])];
  return names.filter((name) => typeof name === "string");
}

const kinds: Record<string, string> = {
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  array: "a list",
  null: "null",
};

/** What a schema asks for, in words. */
function inWords(known: JsonSchema): string {
  const own = noted(known);
  if (own !== undefined) return own;
  if (known.const !== undefined) return show(known.const);
  const names = namesOf(known);
  if (names.length > 0) return `one of ${names.join(", ")}`;
  if (Array.isArray(known["oneKeyOf"])) {
    return `an object with exactly one of ${known["oneKeyOf"].join(", ")}`;
  }
  if (known.anyOf !== undefined) {
    return known.anyOf.map((choice) => inWords(choice as JsonSchema)).join(" or ");
  }
  if (known.type === "object") {
    const required = known.required ?? [];
    return required.length === 0 ? "an object" : `an object with ${required.join(", ")}`;
  }
  // Alternatives of plain types come as a list of types.
  const types: unknown[] = Array.isArray(known.type) ? known.type : [known.type];
  return types.map((type) => kinds[String(type)] ?? "something else").join(" or ");
}
