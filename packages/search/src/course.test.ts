import { describe, expect, test } from "vitest";
import { courseContract, pairs } from "./testing.ts";

describe.each(pairs)("$name", ({ search }) => {
  test.each(courseContract(search))("$name", ({ run }) => {
    expect(run).not.toThrow();
  });
});

test("every sampler meets every scheduler", () => {
  expect(pairs).toHaveLength(6 * 5);
});
