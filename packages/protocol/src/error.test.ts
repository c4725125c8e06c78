import { expect, test } from "vitest";
import { ManyfoldError, nearest, sentence, show } from "./index.ts";

test("one sentence form, with a line of help", () => {
  expect(sentence({ path: "seed", condition: ">= 0", got: "-1" })).toBe(
    "seed must be >= 0, got -1.",
  );
  const error = new ManyfoldError({
    code: "input",
    path: "x.csv",
    condition: "a readable file",
    help: "Check the path.",
  });
  expect(error.message).toBe("x.csv must be a readable file.\nCheck the path.");
  expect(error).toMatchObject({ code: "input", path: "x.csv", help: "Check the path." });
});

test("shows any value, short and on one line", () => {
  expect([undefined, Number.NaN, -0.1, 3n, "a\nb", [1, "x"], null].map(show)).toEqual([
    "nothing",
    "NaN",
    "-0.1",
    "3",
    '"a\\nb"',
    '[1,"x"]',
    "null",
  ]);
  expect(show("x".repeat(1000))).toHaveLength(80);
  expect(show(() => 1)).toBe("function");
});

test("the nearest name is at most a third of the letters away", () => {
  const known = ["epochs", "batch", "optimizer"];
  expect(nearest("epoch", known)).toBe("epochs");
  expect(nearest("optimiser", known)).toBe("optimizer");
  expect(nearest("Batch", known)).toBe("batch");
  expect(nearest("btach", known)).toBe("batch");
  expect(nearest("adma", ["sgd", "adam"])).toBe("adam");
  expect(nearest("patience", known)).toBeUndefined();
});
