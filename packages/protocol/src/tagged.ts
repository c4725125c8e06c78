import { z } from "zod";

/**
 * An object with exactly one of some keys, as users write it: `{ adam: { lr: 0.001 } }`.
 * The key says which, the value holds its settings; parsing twice changes nothing.
 */
export type Tagged<Options> = { [K in keyof Options]: { [P in K]: Options[P] } }[keyof Options];

type Shape = Readonly<Record<string, z.ZodType>>;
type Outputs<S extends Shape> = { [K in keyof S]: z.output<S[K]> };
type Inputs<S extends Shape> = { [K in keyof S]: z.input<S[K]> };

/** The short forms: a bare name stands for that key with its default settings. */
type Bare<S extends Shape> = keyof S & string;

/**
 * The schema of a {@link Tagged} object over a table of option schemas.
 *
 * With `bare`, a name alone is accepted too and means that option with its defaults:
 * `optimizer: adam` is `optimizer: { adam: {} }`.
 */
export function tagged<S extends Shape>(
  options: S,
  settings: {
    bare?: boolean;
    id?: string;
    description?: string;
    /** Further names, each for settings written out; they are gone once parsed. */
    presets?: Readonly<Record<string, Tagged<Inputs<S>>>>;
  } = {},
): z.ZodType<Tagged<Outputs<S>>, Tagged<Inputs<S>> | Bare<S>> {
  const names = Object.keys(options);
  const { presets = {} } = settings;
  const partial = Object.fromEntries(names.map((name) => [name, options[name]?.optional()]));
  const object = z
    .strictObject(partial as Record<string, z.ZodType>)
    .superRefine((value, context) => {
      const given = Object.keys(value).filter((name) => value[name] !== undefined);
      if (given.length === 1) return;
      context.addIssue({
        code: "custom",
        message: `must be an object with exactly one of ${names.join(", ")}`,
        params: { condition: `an object with exactly one of ${names.join(", ")}` },
      });
    });
  const schema = settings.bare
    ? z.preprocess((value) => {
        if (typeof value !== "string") return value;
        return Object.hasOwn(presets, value) ? presets[value] : { [value]: {} };
      }, object)
    : object;
  const described = schema.meta({
    ...(settings.description === undefined ? {} : { description: settings.description }),
    ...(settings.bare ? { bareNames: [...names, ...Object.keys(presets)] } : {}),
    oneKeyOf: names,
  });
  // The one place where the run-time rule "exactly one key" becomes the static union.
  return described as z.ZodType as z.ZodType<Tagged<Outputs<S>>, Tagged<Inputs<S>> | Bare<S>>;
}

/**
 * The schema of plain names beside a {@link tagged} object, for settings of which most have nothing
 * to set: `activation: relu`, `activation: { leakyRelu: { slope: 0.1 } }`. An option's bare name is
 * that option with its defaults; a plain name stays the name.
 */
export function named<const Names extends readonly [string, ...string[]], S extends Shape>(
  names: Names,
  options: S,
  settings: { description?: string } = {},
): z.ZodType<Names[number] | Tagged<Outputs<S>>, Names[number] | Tagged<Inputs<S>> | Bare<S>> {
  const described = z
    .union([z.enum(names), tagged(options, { bare: true })])
    .meta({ ...settings, bareNames: [...names, ...Object.keys(options)] });
  return described as z.ZodType as z.ZodType<
    Names[number] | Tagged<Outputs<S>>,
    Names[number] | Tagged<Inputs<S>> | Bare<S>
  >;
}

type TagOf<Value> = Value extends unknown ? keyof Value & string : never;
type SettingsOf<Value, Tag extends string> = Value extends { [K in Tag]: infer Settings }
  ? Settings
  : never;

/** Which option a tagged value holds. */
export function tagOf<Value extends object>(value: Value): TagOf<Value> {
  return Object.keys(value)[0] as TagOf<Value>;
}

/** The names of a {@link named} value: plain ones, and those of options. */
export type NameOf<Value> = Value extends string ? Value : keyof Value & string;

/** What a {@link named} value is called. */
export function nameOf<Value extends string | object>(value: Value): NameOf<Value> {
  return (typeof value === "string" ? value : Object.keys(value)[0]) as NameOf<Value>;
}

type NamedSettings<Value, Name extends string> = [SettingsOf<Value, Name>] extends [never]
  ? undefined
  : SettingsOf<Value, Name>;

/** {@link match} for a {@link named} value: a plain name's row is called with nothing. */
export function matchNamed<Value extends string | object, Result>(
  value: Value,
  rows: {
    [Name in NameOf<Value>]: (settings: NamedSettings<Exclude<Value, string>, Name>) => Result;
  },
): Result {
  const name = nameOf(value);
  const settings = typeof value === "string" ? undefined : (value as Record<string, unknown>)[name];
  return rows[name](settings as NamedSettings<Exclude<Value, string>, typeof name>);
}

/**
 * Calls the row of a table that belongs to the option a tagged value holds. The table has a row for
 * every option, or it does not compile.
 */
export function match<Value extends object, Result>(
  value: Value,
  rows: { [Tag in TagOf<Value>]: (settings: SettingsOf<Value, Tag>) => Result },
): Result {
  const tag = tagOf(value);
  const settings = (value as Record<string, unknown>)[tag] as SettingsOf<Value, typeof tag>;
  return rows[tag](settings);
}
