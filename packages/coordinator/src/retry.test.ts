import type { Failure, FailureCode } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { verdict } from "./retry.ts";

const failure = (code: FailureCode, permanent = false): Failure => ({
  code,
  message: `${code} happened`,
  permanent,
});

describe("the verdict on a task", () => {
  test("is open without failures", () => {
    expect(verdict([])).toBeUndefined();
  });

  test.each([
    ["lost", 3],
    ["timeout", 2],
    ["oom", 2],
    ["exception", 2],
    ["nan", 1],
    ["invalid", 1],
  ] as const)("comes after %s failed %i times", (code, attempts) => {
    const failures = Array.from({ length: attempts }, () => failure(code));
    expect(verdict(failures.slice(1))).toBeUndefined();
    const last = code === "lost" ? { code: "poison", permanent: true } : failures[0];
    expect(verdict(failures)).toMatchObject(last ?? {});
  });

  test("counts each class by itself", () => {
    expect(verdict([failure("lost"), failure("exception"), failure("lost")])).toBeUndefined();
  });

  test("comes at once for a permanent failure, whatever came before", () => {
    const nan = failure("nan", true);
    expect(verdict([failure("lost"), nan])).toBe(nan);
  });
});
