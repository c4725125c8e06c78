import { fold, key, type Key, normals, uniforms } from "@manyfold/core";
import { describe, expect, test } from "vitest";
import { analyse } from "./analysis.ts";
import { gainOf } from "./gain.ts";
import { firstMembers, type Members, type Truth } from "./members.ts";

const truthOf = (rows: number): Truth => ({
  task: "regression",
  rows,
  targets: 1,
  values: new Float64Array(rows),
  scale: [1],
});

/** Errors b + d: b shared, of variance `floor`, d a member's own, of variance `apart`. */
function members(from: Key, rows: number, k: number, floor: number, apart: number): Members {
  const shared = normals(fold(from, "shared"), rows);
  return {
    task: "regression",
    rows,
    outputs: 1,
    members: Array.from({ length: k }, (_, member) => {
      const own = normals(fold(from, "member", member), rows);
      const values = Float64Array.from(
        own,
        (d, row) => Math.sqrt(floor) * shared[row]! + Math.sqrt(apart) * d,
      );
      return { member, values };
    }),
  };
}

/** The same, each member only at the rows that it left out, a share of 1/e of them. */
function outOfBag(from: Key, all: Members): Members {
  return {
    ...all,
    members: all.members.map(({ member, values }) => {
      const chance = uniforms(fold(from, "bag", member), all.rows);
      const present = Uint8Array.from(chance, (u) => (u < Math.exp(-1) ? 1 : 0));
      // What stands where a member is absent is never read.
      return { member, present, values: values.map((e, row) => (present[row] ? e : Number.NaN)) };
    }),
  };
}

const rule = { tolerance: 0.05, confidence: 0.9 };

test("with every member at every row, v and c are those of the analysis", () => {
  const all = members(key(1), 60, 7, 2, 1);
  const found = gainOf(all, truthOf(60), rule);
  const { v, c } = analyse(all, truthOf(60), "test");
  expect(found?.v).toBeCloseTo(v, 12);
  expect(found?.c).toBeCloseTo(c ?? 0, 12);
  expect(found?.gain).toBeCloseTo((v - (c ?? 0)) / 7, 12);
  expect(found?.allowed).toBeCloseTo(0.05 * (c ?? 0), 12);
});

test("each row's pairs by hand, rows of fewer than two members left out", () => {
  const [present, absent] = [1, 0];
  const all: Members = {
    task: "regression",
    rows: 3,
    outputs: 1,
    members: [
      { member: 0, values: Float64Array.of(1, 2, 9), present: Uint8Array.of(present, present, 0) },
      { member: 1, values: Float64Array.of(3, 9, 9), present: Uint8Array.of(present, absent, 0) },
      { member: 2, values: Float64Array.of(5, 4, 5), present: Uint8Array.of(present, present, 1) },
    ],
  };
  const found = gainOf(all, truthOf(3), rule);
  // Row 0: D = 4, C = (3 + 5 + 15) / 3, weight 2. Row 1: D = 2, C = 8, weight 1.
  const c = (2 * (23 / 3) + 8) / 3;
  expect(found?.c).toBeCloseTo(c, 12);
  expect(found?.v).toBeCloseTo(c + 10 / 3, 12);
});

test("the bound is the jackknife over members, by brute force", () => {
  const from = key(3);
  const all = outOfBag(from, members(from, 40, 6, 1, 2));
  const full = gainOf(all, truthOf(40), rule)!;
  const margins = all.members.map((_, left) => {
    const some = { ...all, members: all.members.filter((__, at) => at !== left) };
    const found = gainOf(some, truthOf(40), rule)!;
    // (v - c) / k is of six members whoever is left out.
    return (found.gain * 5) / 6 - found.allowed;
  });
  const mean = margins.reduce((sum, one) => sum + one, 0) / 6;
  const jackknife = (5 / 6) * margins.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  const quantile = (full.upper - full.gain) / Math.sqrt(jackknife);
  expect(quantile).toBeCloseTo(1.4759, 3); // Student's t at 90 %, 5 degrees of freedom
});

test("fewer than three members, or rows without a pair, say nothing", () => {
  const all = members(key(1), 10, 2, 1, 1);
  expect(gainOf(all, truthOf(10), rule)).toBeNull();
  const lonely: Members = {
    ...all,
    members: [0, 1, 2].map((member) => ({
      member,
      values: new Float64Array(10),
      present: Uint8Array.from({ length: 10 }, (_, row) => (row % 3 === member ? 1 : 0)),
    })),
  };
  expect(gainOf(lonely, truthOf(10), rule)).toBeNull();
});

test("members that agree are enough at once, members without a floor never", () => {
  expect(gainOf(members(key(2), 50, 4, 1, 0), truthOf(50), rule)?.enough).toBe(true);
  expect(gainOf(members(key(2), 400, 40, 0, 1), truthOf(400), rule)?.enough).toBe(false);
});

describe("out of bag, over many worlds", () => {
  // On each world's own rows, 20 members are just enough: (v - c) / 20 is the tolerance times c.
  const worlds = Array.from({ length: 200 }, (_, world) => {
    const from = fold(key(5), "world", world);
    const shared = normals(fold(from, "shared"), 300);
    const c = shared.reduce((sum, b) => sum + b * b, 0) / 300;
    return { all: outOfBag(from, members(from, 300, 40, 1, 1)), tolerance: 1 / (20 * c) };
  });
  const shareEnough = (k: number) =>
    worlds.filter(({ all, tolerance }) => {
      const found = gainOf(firstMembers(all, k), truthOf(300), { tolerance, confidence: 0.9 });
      return found?.enough;
    }).length / 200;

  test("one look calls too few enough about as often as the confidence allows", () => {
    const share = shareEnough(20);
    // 2.5 standard errors of 200 draws around a tenth.
    expect(share).toBeGreaterThan(0.047);
    expect(share).toBeLessThan(0.153);
  });

  test("far fewer are hardly ever thought enough, and a few more mostly are", () => {
    expect(shareEnough(12)).toBeLessThan(0.02);
    expect(shareEnough(26)).toBeGreaterThan(0.8);
  });
});
