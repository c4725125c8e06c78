import { describe, expect, test } from "vitest";
import { courseContract, pairs } from "./testing.ts";

describe.each(pairs)("$name", ({ search }) => {
  for (const { name, run } of courseContract(search)) test(name, run);
});

test("every sampler meets every scheduler", () => {
  expect(pairs).toHaveLength(6 * 5);
});
