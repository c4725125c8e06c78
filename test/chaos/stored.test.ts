import { expect, test } from "vitest";
import { storedSuccesses } from "./stored.ts";

const done = (task: string, hash: string) => ({
  status: "done",
  task,
  result: { weights: { hash } },
});
const body = (...outcomes: object[]) =>
  new TextEncoder().encode(JSON.stringify({ version: 1, worker: "w", outcomes }));

test("successes count on their own subject and in a message of several, failures nowhere", () => {
  const alone = body(done("a", "1"));
  const several = body(done("b", "2"), { status: "failed", task: "c" }, done("a", "1"));
  const stored = storedSuccesses([alone, several, body(), body(done("b", "3"))]);
  expect(stored).toEqual(
    new Map([
      ["a", new Set(["1"])],
      ["b", new Set(["2", "3"])],
    ]),
  );
});
