import { z } from "zod";
import { Experiment } from "./experiment.ts";

/**
 * A node of a JSON Schema (draft 7). Besides the standard keywords, schemas of this package carry
 * four notes of their own (zod's `meta`), which the published schema spells out and leaves out:
 * `oneKeyOf` (an object with exactly one of these keys), `bareNames` (a name alone is accepted),
 * `bareKey` (a value alone stands for this key), `exactlyOneOf` (one of these keys, beside
 * others); and `condition`, what must hold in an error message.
 */
export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** What users may write, as a JSON Schema with the notes still in it. */
export function inputSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: "input", target: "draft-7" });
}

/** The schema of what lies at a path, or undefined where nothing may lie. */
export function schemaAt(
  node: JsonSchema,
  path: readonly (string | number)[],
): JsonSchema | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return node;
  for (const child of childrenAt(node, step)) {
    const found = schemaAt(child, rest);
    if (found !== undefined) return found;
  }
  return undefined;
}

function childrenAt(node: JsonSchema, step: string | number): JsonSchema[] {
  const items: unknown[] = Array.isArray(node.items) ? node.items : [node.items];
  const found =
    typeof step === "number"
      ? (items[step] ?? items[0])
      : (node.properties?.[step] ?? node.additionalProperties);
  const own = isSchema(found) ? [found] : [];
  const choices = [...(node.anyOf ?? []), ...(node.oneOf ?? [])].filter(isSchema);
  return [...own, ...choices.flatMap((choice) => childrenAt(choice, step))];
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null;
}

/** The parts of an experiment whose settings a search may vary. */
export const SEARCHABLE = ["model", "train", "ensemble"] as const;

/**
 * The JSON Schema (draft 7) of an experiment as users write it: descriptions, defaults, short forms,
 * and the names that a search space may hold. Editors complete and explain YAML with it; it is
 * stored as `configs/experiment.schema.json`.
 */
export function experimentJsonSchema(): JsonSchema {
  const raw = inputSchema(Experiment);
  const space = schemaAt(raw, ["search", "space"]);
  const domain = space?.additionalProperties;
  if (space === undefined || !isSchema(domain)) throw new TypeError("An experiment has a space.");
  const names = SEARCHABLE.flatMap((part) => {
    const node = schemaAt(raw, [part]);
    return node === undefined ? [] : settingsOf(node, part);
  });
  const named = names.map(([name, description]) => [
    name,
    { ...(description === undefined ? {} : { description }), allOf: [{ $ref: DOMAIN }] },
  ]);
  const spelled = spellOut(raw);
  const published = schemaAt(spelled, ["search", "space"]);
  if (published === undefined) throw new TypeError("An experiment has a space.");
  Object.assign(published, {
    properties: Object.fromEntries(named) as Record<string, JsonSchema>,
    minProperties: 1,
    additionalProperties: { $ref: DOMAIN },
  });
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "A Manyfold experiment",
    ...omit(spelled, ["$schema"]),
    // Who brings an objective has no network to describe.
    required: (spelled.required ?? []).filter((name) => name !== "model"),
    anyOf: [{ required: ["model"] }, { required: ["objective"] }],
    definitions: { domain: spellOut(domain) },
  };
}

const DOMAIN = "#/definitions/domain";
/** Layers and regularizers whose paths are completed by name; others are accepted all the same. */
const COMPLETED_ITEMS = 3;

/** Paths of single settings below a node, with their descriptions. */
function settingsOf(node: JsonSchema, path: string): [string, string | undefined][] {
  const children = Object.entries(node.properties ?? {}).filter(([, child]) => isSchema(child));
  const below = children.flatMap(([name, child]) =>
    settingsOf(child as JsonSchema, `${path}.${name}`),
  );
  if (isSchema(node.items) && !Array.isArray(node.items)) {
    const item = node.items as JsonSchema;
    if (item.properties === undefined) return [];
    for (let i = 0; i < COMPLETED_ITEMS; i++) below.push(...settingsOf(item, `${path}.${i}`));
  }
  const isSetting = node.enum !== undefined || isScalar(node) || node["bareNames"] !== undefined;
  return isSetting ? [[path, node.description], ...below] : below;
}

function isScalar(node: JsonSchema): boolean {
  return ["number", "integer", "boolean", "string"].includes(String(node.type));
}

const NOTES = ["oneKeyOf", "bareNames", "bareKey", "exactlyOneOf", "condition"];

/** Replaces the notes of a schema and of all below it by standard keywords. */
function spellOut(node: JsonSchema): JsonSchema {
  const plain = mapValues(omit(node, NOTES), (value, name) => {
    if (name === "default" || name === "enum" || name === "const") return value;
    if (name === "properties") return mapValues(value, spellOut);
    if (Array.isArray(value)) return value.map((item) => (isSchema(item) ? spellOut(item) : item));
    return isSchema(value) ? spellOut(value) : value;
  });
  if (node["oneKeyOf"] !== undefined) Object.assign(plain, { minProperties: 1, maxProperties: 1 });
  const { exactlyOneOf, bareNames, bareKey } = node;
  if (Array.isArray(exactlyOneOf)) plain.oneOf = exactlyOneOf.map((name) => ({ required: [name] }));
  const about = { description: plain.description, default: plain.default };
  const aboutless = omit(plain, Object.keys(about));
  if (Array.isArray(bareNames)) {
    return defined({ ...about, anyOf: [{ type: "string", enum: bareNames }, aboutless] });
  }
  const short = typeof bareKey === "string" ? plain.properties?.[bareKey] : undefined;
  return short === undefined ? plain : defined({ ...about, anyOf: [short, aboutless] });
}

function omit(node: JsonSchema, names: readonly string[]): JsonSchema {
  return Object.fromEntries(Object.entries(node).filter(([name]) => !names.includes(name)));
}

function defined(node: object): JsonSchema {
  return Object.fromEntries(Object.entries(node).filter(([, value]) => value !== undefined));
}

function mapValues(node: object, change: (value: JsonSchema, name: string) => unknown): JsonSchema {
  return Object.fromEntries(
    Object.entries(node).map(([name, value]) => [name, change(value as JsonSchema, name)]),
  );
}
