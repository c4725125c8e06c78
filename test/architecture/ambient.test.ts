import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { root, sourceFiles, workspaces } from "./workspaces.ts";

const members = new Set([
  "process.env",
  "Math.random",
  "Date.now",
  "performance.now",
  "performance.timeOrigin",
]);

/** What a node takes from its surroundings, or undefined: environment, chance, time, the console. */
function ambient(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const name = `${node.expression.getText()}.${node.name.text}`.replace(/^globalThis\./, "");
    if (members.has(name)) return name;
    if (node.expression.getText() === "console") return name;
  }
  if (
    (ts.isNewExpression(node) || ts.isCallExpression(node)) &&
    node.expression.getText() === "Date"
  ) {
    return "Date";
  }
  return undefined;
}

/** "path:line name" for each use in a source text. */
function uses(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const name = ambient(node);
    if (name !== undefined) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      found.push(`${file}:${line + 1} ${name}`);
    }
    node.forEachChild(visit);
  };
  visit(source);
  return found;
}

test("the search finds what it looks for, and not its mention in a comment or a string", () => {
  const text = `
    // Math.random() and new Date() are refused.
    const a = Math.random() + Date.now() + globalThis.performance.now();
    const b = new Date(0);
    console.log(process.env["HOME"], "console.log");
  `;
  expect(uses("x.ts", text)).toEqual([
    "x.ts:3 Math.random",
    "x.ts:3 Date.now",
    "x.ts:3 performance.now",
    "x.ts:4 Date",
    "x.ts:5 console.log",
    "x.ts:5 process.env",
  ]);
});

describe.each(workspaces.filter(({ folder }) => folder.startsWith("packages/")))(
  "$folder",
  (workspace) => {
    test("leaves environment, chance, clock and console to the apps", () => {
      const found = sourceFiles(workspace).flatMap((file) =>
        uses(file, readFileSync(join(root, file), "utf8")),
      );
      expect(found).toEqual([]);
    });
  },
);
