import { expect, test } from "vitest";
import { bagReport } from "./testing/index.ts";
import { yaml } from "./yaml.ts";

test("an experiment reads as people write it", () => {
  const { experiment } = bagReport().result;
  const text = yaml(JSON.parse(JSON.stringify(experiment)));
  expect(text).toContain("version: 1\nname: digits-bagging\nseed: 7\ndata:\n");
  expect(text).toContain("  split: { test: 0.25, stratify: true }\n");
  expect(text).toContain("    - dense: { units: 128, activation: relu, init: auto, bias: true }\n");
  expect(text).toContain("    adam: { lr: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }\n");
});

test.each([
  ["plain text/with-dots.csv", "plain text/with-dots.csv"],
  ["yes", '"yes"'],
  ["No", '"No"'],
  ["null", '"null"'],
  ["12", '"12"'],
  ["", '""'],
  ["a: b", '"a: b"'],
  ["# x", '"# x"'],
  ["two\nlines", '"two\\nlines"'],
  ["ends with ", '"ends with "'],
])("a text that YAML would take for something else is quoted: %j", (text, printed) => {
  expect(yaml({ name: text })).toBe(`name: ${printed}\n`);
});

test("lists, empty ones and nested ones", () => {
  expect(yaml({ a: [], b: {}, c: [1, [2, 3]], d: null })).toBe(
    "a: []\nb: {}\nc: [1, [2, 3]]\nd: null\n",
  );
  const long = Array.from({ length: 3 }, (_, i) => ({ name: `n${i}`, text: "x".repeat(60) }));
  expect(yaml({ long })).toBe(
    ["long:", ...[0, 1, 2].flatMap((i) => [`  - name: n${i}`, `    text: ${"x".repeat(60)}`])].join(
      "\n",
    ) + "\n",
  );
});
