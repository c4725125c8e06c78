import fc from "fast-check";
import { Domain } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { axisOf } from "./space.ts";

const scale = fc.constantFrom("linear" as const, "log" as const);
const steps = fc.integer({ min: 2, max: 40 });

/** Any valid domain, positive so that both scales apply. */
const domains: fc.Arbitrary<Domain> = fc.oneof(
  fc
    .tuple(
      fc.double({ min: 1e-9, max: 1e6, noNaN: true }),
      fc.double({ min: 1.001, max: 1e6, noNaN: true }),
      scale,
      steps,
    )
    .map(([low, factor, scale, steps]) => ({
      float: [low, low * factor] as [number, number],
      scale,
      steps,
    })),
  fc
    .tuple(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 5000 }), scale, steps)
    .map(([low, more, scale, steps]) => ({
      int: [low, low + more] as [number, number],
      scale,
      steps,
    })),
  fc
    .tuple(
      fc.integer({ min: -9, max: 9 }),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 50 }),
    )
    .map(([low, length, parts]) => ({
      float: [low / 10, (low + length) / 10] as [number, number],
      step: length / 10 / parts,
    })),
  fc
    .tuple(
      fc.double({ min: 1e-9, max: 0.5, noNaN: true }),
      fc.double({ min: 0.51, max: 0.999, noNaN: true }),
      steps,
    )
    .map(([low, high, steps]) => ({
      float: [low, high] as [number, number],
      scale: "logit" as const,
      steps,
    })),
  fc
    .uniqueArray(fc.oneof(fc.string(), fc.integer(), fc.boolean()), { minLength: 1, maxLength: 9 })
    .map((categorical) => ({ categorical })),
);

describe("an axis", () => {
  test("decodes every coordinate, and what lies beyond, to a value of the domain", () => {
    fc.assert(
      fc.property(domains, fc.double({ min: -0.5, max: 1.5, noNaN: true }), (domain, share) => {
        expect(Domain.safeParse(domain).success).toBe(true);
        const axis = axisOf(domain);
        const value = axis.decode(axis.low + share * (axis.high - axis.low));
        expect(axis.has(value)).toBe(true);
      }),
    );
  });

  test("encodes a value to a coordinate that decodes to it", () => {
    fc.assert(
      fc.property(domains, fc.double({ min: 0, max: 1, noNaN: true }), (domain, share) => {
        const axis = axisOf(domain);
        const value = axis.decode(axis.low + share * (axis.high - axis.low));
        const again = axis.decode(axis.encode(value));
        const isClose = Math.abs(Number(again) / Number(value) - 1) < 1e-9;
        expect(again === value || ("float" in domain && isClose)).toBe(true);
      }),
    );
  });

  test("has grid points and probes that are values of the domain, no point twice", () => {
    fc.assert(
      fc.property(domains, (domain) => {
        const axis = axisOf(domain);
        const points = axis.points() ?? [];
        expect([...points, ...axis.probes()].filter((value) => !axis.has(value))).toEqual([]);
        expect(new Set(points).size).toBe(points.length);
        expect(points.length).toBeGreaterThan(0);
      }),
    );
  });
});

test("whole numbers are equally likely, the ends too", () => {
  const axis = axisOf({ int: [1, 4] });
  const shares = Array.from({ length: 400 }, (_, i) => (i + 0.5) / 400);
  const drawn = shares.map((share) => axis.decode(axis.low + share * (axis.high - axis.low)));
  for (const value of [1, 2, 3, 4]) {
    expect(drawn.filter((other) => other === value)).toHaveLength(100);
  }
});

test("a logarithmic range has as much of each decade", () => {
  const axis = axisOf({ float: [1e-4, 1], scale: "log" });
  const at = (share: number) => Number(axis.decode(axis.low + share * (axis.high - axis.low)));
  expect(at(0.25)).toBeCloseTo(1e-3, 12);
  expect(at(0.5)).toBeCloseTo(1e-2, 12);
  expect(at(0.75)).toBeCloseTo(1e-1, 12);
});

test("a share on the logit scale has as much below a half as above", () => {
  const axis = axisOf({ float: [0.001, 0.999], scale: "logit" });
  const at = (share: number) => Number(axis.decode(axis.low + share * (axis.high - axis.low)));
  expect(at(0.5)).toBeCloseTo(0.5, 12);
  expect(at(0.25) + at(0.75)).toBeCloseTo(1, 12);
  expect(at(0.25) / at(0.75)).toBeCloseTo(Math.sqrt(0.001 / 0.999), 12);
});

test.each([
  [{ float: [0, 1], scale: "logit" }, "above 0 and below 1 for scale: logit"],
  [{ int: [1, 9], scale: "logit" }, "linear or log"],
  [{ float: [1, 9], scale: "log", step: 1 }, "left out where the scale is not linear"],
  [{ int: [1, 9], step: 0.5 }, "a whole number"],
  [{ float: [0, 1], step: 2 }, "at most the length of the range"],
  [{ float: [0, 1], step: 0.5, steps: 3 }, "left out beside step"],
  [{ categorical: [1, 2], step: 1 }, "left out where there is no range"],
  [{ int: [1, 2], ordered: true }, "left out for a range"],
])("%j is refused", (domain, condition) => {
  expect(Domain.safeParse(domain).error?.issues[0]?.message).toBe(`must be ${condition}`);
});

test("listed values in order are neighbours at a distance of 1", () => {
  const axis = axisOf({ categorical: [16, 64, 256], ordered: true });
  expect([axis.kind, axis.encode(64), axis.decode(1.2)]).toEqual(["spaced", 1.5, 64]);
  expect(axis.cell(1.2)).toEqual([1, 2]);
  expect(axisOf({ categorical: [16, 64, 256] }).kind).toBe("unordered");
});

describe("grid points", () => {
  test.each<[Domain, unknown]>([
    [{ float: [0, 1], steps: 5 }, [0, 0.25, 0.5, 0.75, 1]],
    [{ float: [1e-4, 0.1], scale: "log", steps: 4 }, [1e-4, 1e-3, 1e-2, 0.1]],
    [{ int: [16, 256], scale: "log", steps: 5 }, [16, 32, 64, 128, 256]],
    [{ int: [1, 3], steps: 9 }, [1, 2, 3]],
    [{ int: [2, 5] }, [2, 3, 4, 5]],
    [{ int: [16, 70], step: 16 }, [16, 32, 48, 64]],
    [{ float: [0, 0.7], step: 0.1 }, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]],
    [{ float: [0.1, 0.35], step: 0.1 }, [0.1, 0.2, 0.3]],
    [{ float: [0.1, 0.9], scale: "logit", steps: 3 }, [0.1, 0.5, 0.9]],
    [{ int: [2, 5], scale: "log" }, undefined],
    [{ float: [0, 1] }, undefined],
    [{ categorical: ["a", 2, true] }, ["a", 2, true]],
  ])("of %j are %j", (domain, points) => {
    expect(axisOf(domain).points()).toEqual(points);
  });
});
