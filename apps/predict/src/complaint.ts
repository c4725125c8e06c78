import {
  ManyfoldError,
  nearest,
  show,
  type Complaint,
  type Preprocessing,
} from "@manyfold/protocol";
import type { z } from "zod";
import { SETTINGS, VALUES } from "./request.ts";

/** Longest name that is printed whole. */
const LONGEST_NAME = 80;

type Issue = z.core.$ZodIssue;

/**
 * What is wrong with a request's body, as an error that names the place: `rows.3.bmi must be a
 * finite number, or null where it is missing, got "n/a".` The first finding is enough: with
 * thousands of rows nobody reads the rest.
 */
export function requestError(
  error: z.ZodError,
  body: unknown,
  { inputs }: Preprocessing,
  limits: { readonly rows: number },
): ManyfoldError {
  const issue = mostTelling(error.issues);
  const path = issue.path.map(String);
  const place = path.length === 0 ? "body" : path.join(".");
  const complaint = (condition: string, help?: string): ManyfoldError => {
    const found: Complaint = {
      code: "input",
      path: place,
      condition,
      got: summary(valueAt(body, issue.path)),
    };
    return new ManyfoldError(help === undefined ? found : { ...found, help });
  };

  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    const names =
      path.length === 0 ? ["rows", ...Object.keys(SETTINGS)] : inputs.map(({ name }) => name);
    // Comparing takes time with the name's length, and nobody mistypes one this long.
    const meant = key.length > LONGEST_NAME ? undefined : nearest(key, names);
    return new ManyfoldError({
      code: "input",
      path: [...path, key].map((name) => shorten(name)).join("."),
      condition: path.length === 0 ? `one of ${names.join(", ")}` : "an input of this ensemble",
      got: show(shorten(key)),
      help: meant === undefined ? "GET /model lists the inputs." : `Did you mean ${meant}?`,
    });
  }
  const [first, , name] = path;
  if (first === undefined) {
    return complaint("an object", `For example { "rows": [{ ${example(inputs)} }] }.`);
  }
  if (first === "members") return complaint("true or false");
  if (first === "abstain") return complaint("a number not below 0");
  if (first === "coverage") return complaint("a number between 0 and 1");
  if (path.length === 1) return complaint(`a list of 1 to ${limits.rows} rows`);
  if (name === undefined) return complaint("an object with a value per input column");
  const kind = inputs.find((input) => input.name === name)?.kind ?? "numeric";
  return complaint(
    VALUES[kind].condition,
    "Every row names every input; GET /model lists them with their kinds.",
  );
}

/** A mistyped name also leaves an input without a value; the name is the thing to say. */
function mostTelling(issues: readonly Issue[]): Issue {
  const first = issues[0] as Issue;
  const sameRow = (issue: Issue) => issue.path[1] === first.path[1];
  return issues.find((issue) => issue.code === "unrecognized_keys" && sameRow(issue)) ?? first;
}

/** The value at a path, own properties only: a column may be called toString. */
function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  let value = body;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step))
      return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

/** Like `show`, but lists and objects are not printed: they may be large, or nested without end. */
function summary(value: unknown): string {
  if (Array.isArray(value)) return value.length === 1 ? "a list of 1" : `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return show(value);
}

function shorten(name: string): string {
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 3)}...` : name;
}

function example(inputs: Preprocessing["inputs"]): string {
  const values = inputs.slice(0, 2).map(({ name, impute }) => `${show(name)}: ${show(impute)}`);
  return [...values, ...(inputs.length > 2 ? ["..."] : [])].join(", ");
}
