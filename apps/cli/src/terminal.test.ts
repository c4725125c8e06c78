import { expect, test } from "vitest";
import { visible } from "./terminal.ts";

test("what would act on a terminal is written out; lines, tabs and colours stay", () => {
  expect(visible("a\u001b[2Jb")).toBe("a\\u{1b}[2Jb");
  expect(visible("\u001b]0;title\u0007")).toBe("\\u{1b}]0;title\\u{7}");
  expect(visible("a\rb\u202ec\u0085")).toBe("a\\u{d}b\\u{202e}c\\u{85}");
  const usual = "\u001b[31merror\u001b[39m: küche\n\tat 日本, 5 µs";
  expect(visible(usual)).toBe(usual);
});
