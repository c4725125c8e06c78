import type { Json } from "@manyfold/protocol";

/** Texts that YAML would read as something else, or not at all, are quoted. */
const bare = /^(?!(?:true|false|null|yes|no|on|off|y|n)$)[A-Za-z_][\w ./-]*(?<! )$/i;

function scalar(value: string | number | boolean | null): string {
  return typeof value !== "string" || bare.test(value) ? String(value) : JSON.stringify(value);
}

function isScalar(value: Json): value is string | number | boolean | null {
  return value === null || typeof value !== "object";
}

/** On one line where that stays short: `[0.0001, 0.1]`, `{ adam: { lr: 0.001 } }`. */
function inline(value: Json): string {
  if (isScalar(value)) return scalar(value);
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  const members = Object.entries(value).map(([name, item]) => `${scalar(name)}: ${inline(item)}`);
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}

/** Lines of a value in block form, without indentation of its own. */
function block(value: Json, width: number): string[] {
  if (isScalar(value)) return [scalar(value)];
  const nested = (lines: readonly string[]) => lines.map((line) => `  ${line}`);
  if (Array.isArray(value)) {
    return value.flatMap((item) => {
      const [first = "", ...rest] = short(item, width) ? [inline(item)] : block(item, width - 2);
      return [`- ${first}`, ...nested(rest)];
    });
  }
  return Object.entries(value).flatMap(([name, item]) =>
    short(item, width - name.length)
      ? [`${scalar(name)}: ${inline(item)}`]
      : [`${scalar(name)}:`, ...nested(block(item, width - 2))],
  );
}

function short(value: Json, width: number): boolean {
  if (isScalar(value)) return true;
  const flat = Object.values(value).every((item) => isScalar(item) || inline(item).length < 24);
  return flat && inline(value).length <= width - 4;
}

/** A value of JSON as YAML that people can read; texts with anything special in them are quoted. */
export function yaml(value: Json, width = 72): string {
  return `${block(value, width).join("\n")}\n`;
}
