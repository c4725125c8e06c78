import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Complaint, Experiment } from "@manyfold/protocol";
import { ManyfoldError, parseExperiment } from "@manyfold/protocol";
import type { Document, Node, ParsedNode } from "yaml";
import { isMap, isNode, LineCounter, parseDocument } from "yaml";

/** A configuration as read: the experiment, and the text it was written as. */
export interface Config {
  readonly path: string;
  readonly text: string;
  readonly experiment: Experiment;
}

/** Reads a YAML (or JSON) configuration; every error names file, line, column and path. */
export async function readConfig(path: string): Promise<Config> {
  const text = await readText(path);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [syntax] = document.errors;
  if (syntax) {
    const { line, col } = lines.linePos(syntax.pos[0]);
    throw new ManyfoldError({
      code: "config",
      path: `${path}:${line}:${col}`,
      condition: "valid YAML",
      got: syntax.message.split("\n")[0] ?? syntax.code,
      help: "Indent with spaces and put a space after each colon.",
    });
  }
  const parsed = parseExperiment(document.toJS() as unknown);
  if (parsed.ok) return { path, text, experiment: parsed.experiment };
  const [first, ...others] = parsed.complaints.map((complaint): Complaint => {
    const { line, col } = lines.linePos(offsetOf(document, complaint.path));
    const name = complaint.path.join(".") || basename(path);
    const { condition, got, help } = complaint;
    return {
      code: "config",
      path: `${path}:${line}:${col} ${name}`,
      condition,
      ...(got === undefined ? {} : { got }),
      ...(help === undefined ? {} : { help }),
    };
  });
  if (!first) throw new Error(`The configuration ${path} was refused without a reason.`);
  throw new ManyfoldError(first, others);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    throw new ManyfoldError({
      code: "input",
      path,
      condition: "a readable configuration file",
      got: code === "ENOENT" ? "no such file" : code === "EISDIR" ? "a folder" : code,
      help: "Examples are in the folder configs; `manyfold schema` prints every key.",
    });
  }
}

/** The position of the deepest part of a path that the document has; for a key, the key's own. */
function offsetOf(document: Document<ParsedNode>, path: readonly (string | number)[]): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const part of path) {
    if (!isNode(node)) break;
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => String((item.key as Node | null)?.toJSON()) === String(part),
      );
      const key = pair?.key;
      if (!isNode(key)) break;
      offset = key.range?.[0] ?? offset;
      node = pair?.value;
    } else {
      node = "get" in node && typeof node.get === "function" ? node.get(part, true) : undefined;
      if (isNode(node)) offset = node.range?.[0] ?? offset;
    }
  }
  // The value's own place is the better one where there is a scalar to point at.
  if (isNode(node) && !isMap(node) && "value" in node) return node.range?.[0] ?? offset;
  return offset;
}
