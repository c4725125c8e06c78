import type { Params, ParamValue, SearchSpec } from "@manyfold/protocol";
import type { Allows } from "./sampler.ts";

/** A condition over parameters, read once. */
export interface Constraint {
  readonly text: string;
  /** Parameters that it names. */
  readonly names: readonly string[];
  /** Whether a setting keeps it; one that names a parameter which the setting lacks is kept. */
  holds(params: Params): boolean;
}

/** Why a text is no constraint, and where. */
export class ConstraintError extends Error {
  /** Character, from 0. */
  readonly at: number;
  readonly wanted: string;
  readonly got: string;
  constructor(at: number, wanted: string, got: string) {
    super(`Character ${at + 1} must be ${wanted}, got ${got}.`);
    this.at = at;
    this.wanted = wanted;
    this.got = got;
  }
}

type Evaluate = (params: Params) => ParamValue;

interface Token {
  readonly kind: "number" | "string" | "name" | "sign" | "end";
  readonly text: string;
  readonly at: number;
}

const PATTERN =
  /\s*(?:(?<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)|"(?<string>[^"]*)"|'(?<quoted>[^']*)'|(?<name>[A-Za-z_]\w*(?:\.\w+)*)|(?<sign><=|>=|==|!=|[-+*/()<>,]))/y;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = new RegExp(PATTERN);
  const end = text.trimEnd().length;
  while (pattern.lastIndex < end) {
    const from = pattern.lastIndex;
    const found = pattern.exec(text);
    if (!found) {
      const at = from + (text.slice(from).match(/^\s*/)?.[0].length ?? 0);
      throw new ConstraintError(at, "a name, a number, a string or a sign", text[at] ?? "the end");
    }
    const { number, string, quoted, name, sign } = found.groups ?? {};
    const literal = string ?? quoted;
    const kind =
      number !== undefined
        ? "number"
        : literal !== undefined
          ? "string"
          : name !== undefined
            ? "name"
            : "sign";
    const content = number ?? literal ?? name ?? sign ?? "";
    const width = content.length + (literal === undefined ? 0 : 2);
    tokens.push({ kind, text: content, at: pattern.lastIndex - width });
  }
  tokens.push({ kind: "end", text: "the end", at: text.length });
  return tokens;
}

/** From the weakest to the strongest; each level is left to right. */
const LEVELS: readonly Readonly<Record<string, (a: ParamValue, b: ParamValue) => ParamValue>>[] = [
  { or: (a, b) => Boolean(a) || Boolean(b) },
  { and: (a, b) => Boolean(a) && Boolean(b) },
  {
    "<": (a, b) => a < b,
    "<=": (a, b) => a <= b,
    ">": (a, b) => a > b,
    ">=": (a, b) => a >= b,
    "==": (a, b) => a === b,
    "!=": (a, b) => a !== b,
  },
  { "+": (a, b) => Number(a) + Number(b), "-": (a, b) => Number(a) - Number(b) },
  { "*": (a, b) => Number(a) * Number(b), "/": (a, b) => Number(a) / Number(b) },
];

const WORDS: Readonly<Record<string, ParamValue>> = { true: true, false: false };

/**
 * Reads a constraint: names of parameters, numbers, strings, `true` and `false`, `+ - * /`,
 * `< <= > >= == !=`, `and`, `or`, `not`, brackets. A closed little language: it is data, is stored
 * as it was written and can do nothing but compare.
 *
 * @throws ConstraintError where the text is none
 */
export function constraintOf(text: string): Constraint {
  const tokens = tokensOf(text);
  const names = new Set<string>();
  let place = 0;
  const peek = () => tokens[place] as Token;
  const fail = (wanted: string): never => {
    throw new ConstraintError(peek().at, wanted, peek().text);
  };
  const skip = (sign: string) => {
    if (peek().kind === "string" || peek().text !== sign) fail(sign);
    place += 1;
  };

  const operand = (): Evaluate => {
    const token = peek();
    place += 1;
    if (token.kind === "number") return () => Number(token.text);
    if (token.kind === "string") return () => token.text;
    if (token.kind === "name" && token.text === "not") {
      const inner = level(2);
      return (params) => !inner(params);
    }
    if (token.kind === "name" && !["and", "or"].includes(token.text)) {
      const word = WORDS[token.text];
      if (word !== undefined) return () => word;
      names.add(token.text);
      return (params) => params[token.text] as ParamValue;
    }
    if (token.text === "-") {
      const inner = operand();
      return (params) => -Number(inner(params));
    }
    if (token.text === "(") {
      const inner = level(0);
      skip(")");
      return inner;
    }
    place -= 1;
    return fail("a name, a number, a string, not or (");
  };
  const level = (depth: number): Evaluate => {
    const rules = LEVELS[depth];
    if (rules === undefined) return operand();
    let left = level(depth + 1);
    for (;;) {
      const token = peek();
      const rule = token.kind === "string" ? undefined : rules[token.text];
      if (rule === undefined) return left;
      place += 1;
      const [first, second] = [left, level(depth + 1)];
      left = (params) => rule(first(params), second(params));
    }
  };

  const evaluate = level(0);
  if (peek().kind !== "end") fail("an operator or the end");
  if (names.size === 0) throw new ConstraintError(0, "a condition over a parameter", text);
  const named = [...names];
  return {
    text,
    names: named,
    holds: (params) =>
      named.some((name) => params[name] === undefined) || Boolean(evaluate(params)),
  };
}

/** Whether a setting keeps a search's constraints; undefined without any. */
export function allowsOf({ constraints }: Pick<SearchSpec, "constraints">): Allows | undefined {
  if (constraints === undefined || constraints.length === 0) return undefined;
  const all = constraints.map(constraintOf);
  return (params) => all.every((constraint) => constraint.holds(params));
}
