import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { count, counted, duration, listed, moment, number, percent, plain } from "./format.ts";

describe("number", () => {
  test.each([
    [0.041234, "0.0412"],
    [0.0004, "0.000400"],
    [0.00001234, "1.23\u00b710\u207b\u2075"],
    [-1.42e-17, "\u22121.42\u00b710\u207b\u00b9\u2077"],
    [2949.6, "2,950"],
    [999.9, "1,000"],
    [1, "1.00"],
    [-0.5, "\u22120.500"],
    [0, "0"],
    [1.5e12, "1.50\u00b710\u00b9\u00b2"],
  ])("%d is %s", (value, text) => expect(number(value)).toBe(text));

  test("keeps the value to half a unit of its last digit", () => {
    const read = (text: string) => {
      const western = text.replaceAll(",", "").replace("\u2212", "-").replace("\u00b710", "e");
      const digits = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079";
      return Number(
        western
          .replace("\u207b", "-")
          .replace(/[\u2070-\u2079\u00b9\u00b2\u00b3]/g, (c) => String(digits.indexOf(c))),
      );
    };
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        fc.pre(Math.abs(value) > 1e-290 && Math.abs(value) < 1e300);
        expect(Math.abs(read(number(value, 4)) / value - 1)).toBeLessThanOrEqual(5.001e-4);
      }),
    );
  });
});

test("nothing that is no number reaches the text", () => {
  for (const value of [Number.NaN, Infinity, -Infinity]) {
    for (const print of [number, plain, percent]) expect(print(value)).toBe("\u2013");
  }
});

test("the other forms", () => {
  expect(plain(0.001)).toBe("0.001");
  expect(plain(128)).toBe("128");
  expect(count(1347)).toBe("1,347");
  expect(counted(1, "member")).toBe("1\u00a0member");
  expect(percent(0.97556)).toBe("97.6\u00a0%");
  expect(duration(0.834)).toBe("0.834\u00a0s");
  expect(duration(192)).toBe("3\u00a0min 12\u00a0s");
  expect(duration(7500)).toBe("2\u00a0h 5\u00a0min");
  expect(moment("2026-03-04T05:06:07.123Z")).toBe("2026-03-04 05:06:07 UTC");
  expect(moment("yesterday")).toBe("yesterday");
  expect(listed(["a", "b", "c"])).toBe("a, b and c");
});
