import { readFile } from "node:fs/promises";
import { experimentComplaints } from "@manyfold/coordinator";
import type { Complaint, ConfigComplaint, Experiment } from "@manyfold/protocol";
import { ManyfoldError, parseExperiment } from "@manyfold/protocol";
import { withEarlier } from "./warm-start.ts";
import type { Document, ParsedNode } from "yaml";
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";

/** A configuration as read: the experiment, and the text it was written as. */
export interface Config {
  readonly path: string;
  readonly text: string;
  readonly experiment: Experiment;
  /** The same error with file, line and column, where its path is one of this configuration. */
  readonly located: (error: unknown) => unknown;
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
  const placeOf = (complaint: Pick<ConfigComplaint, "path" | "at">) => {
    const { line, col } = lines.linePos(offsetOf(document, complaint));
    return `${path}:${line}:${col}`;
  };
  // Some settings are only found wrong when the data are read.
  const located = (error: unknown): unknown => {
    if (!(error instanceof ManyfoldError) || error.code !== "config") return error;
    const keys = error.path.split(".");
    const place = placeOf({ path: keys, at: "value" });
    return new ManyfoldError({ ...error.complaint, path: `${place} ${error.path}` });
  };
  const parsed = parseExperiment(valueOf(document, path));
  const found = parsed.ok ? experimentComplaints(parsed.experiment) : parsed.complaints;
  const [first, ...others] = found.map((complaint): Complaint => {
    const name = complaint.path.join(".");
    const { condition, got, help } = complaint;
    return {
      code: "config",
      path: `${placeOf(complaint)} ${name}`.trimEnd(),
      condition,
      ...(got === undefined ? {} : { got }),
      ...(help === undefined ? {} : { help }),
    };
  });
  if (first) throw new ManyfoldError(first, others);
  if (!parsed.ok) throw new Error(`The configuration ${path} was refused without a reason.`);
  try {
    return { path, text, experiment: await withEarlier(parsed.experiment, path), located };
  } catch (error) {
    throw located(error);
  }
}

/** The document's value; only here are aliases followed. */
function valueOf(document: Document<ParsedNode>, path: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw new ManyfoldError({
      code: "config",
      path,
      condition: "valid YAML",
      got: error.message,
      help: "An asterisk begins an alias; put the text in quotes if none is meant.",
    });
  }
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

/** The position of the deepest part of a path that the document has: of its key, or of its value. */
function offsetOf(
  document: Document<ParsedNode>,
  { path, at }: Pick<ConfigComplaint, "path" | "at">,
): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const [depth, part] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find(
        ({ key }) => isScalar(key) && String(key.value) === String(part),
      );
      if (!isNode(pair?.key)) break;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
    } else {
      break;
    }
    const last = depth === path.length - 1;
    // A map's own place is the line below its key, where nobody looks.
    if (isNode(node) && !isMap(node) && !(last && at === "key")) offset = node.range?.[0] ?? offset;
  }
  return offset;
}
