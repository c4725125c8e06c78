import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { isBrowserSafe, root, sourceFiles, workspaces, type Workspace } from "./workspaces.ts";

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
    node.expression.getText() === "Date" &&
    // With an argument it only formats a time that somebody handed in.
    (ts.isCallExpression(node) || !node.arguments?.length)
  ) {
    return "Date";
  }
  return undefined;
}

const globalsOfNode = new Set(["Buffer", "process", "global", "require", "setImmediate"]);

/** A global that a browser lacks, though @types/node lets it pass the type check. */
function nodeGlobal(node: ts.Node): string | undefined {
  if (!ts.isIdentifier(node) || !globalsOfNode.has(node.text)) return undefined;
  const { parent } = node;
  const isMember =
    (ts.isPropertyAccessExpression(parent) || ts.isPropertyAssignment(parent)) &&
    parent.name === node;
  return isMember ? undefined : node.text;
}

/** "path:line name" for each node of a source text that `find` names. */
function uses(find: (node: ts.Node) => string | undefined, file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const name = find(node);
    if (name !== undefined) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      found.push(`${file}:${line + 1} ${name}`);
    }
    node.forEachChild(visit);
  };
  visit(source);
  return found;
}

const usesIn = (find: (node: ts.Node) => string | undefined, workspace: Workspace) =>
  sourceFiles(workspace).flatMap((file) =>
    uses(find, file, readFileSync(join(root, file), "utf8")),
  );

test("the search finds what it looks for, and not its mention in a comment or a string", () => {
  const text = `
    // Math.random() and new Date() are refused.
    const a = Math.random() + Date.now() + globalThis.performance.now();
    const b = [new Date(), new Date(0)];
    console.log(process.env["HOME"], "console.log");
  `;
  expect(uses(ambient, "x.ts", text)).toEqual([
    "x.ts:3 Math.random",
    "x.ts:3 Date.now",
    "x.ts:3 performance.now",
    "x.ts:4 Date",
    "x.ts:5 console.log",
    "x.ts:5 process.env",
  ]);
  expect(uses(nodeGlobal, "x.ts", text)).toEqual(["x.ts:5 process"]);
});

describe("surroundings are left to the apps: environment, chance, clock, console", () => {
  test.each(workspaces.filter(({ folder }) => folder.startsWith("packages/")))(
    "$folder",
    (workspace) => {
      expect(usesIn(ambient, workspace)).toEqual([]);
    },
  );
});

describe("what runs in a browser needs no global of Node's", () => {
  test.each(workspaces.filter(isBrowserSafe))("$folder", (workspace) => {
    expect(usesIn(nodeGlobal, workspace)).toEqual([]);
  });
});
