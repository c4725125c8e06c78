import { fold, key, type Key, normals } from "@manyfold/core";
import { mean, sampleStandardDeviation } from "simple-statistics";
import { describe, expect, test } from "vitest";
import { analyse } from "./analysis.ts";
import { forecastError, studentQuantile } from "./forecast.ts";
import { firstMembers, type Members, type Truth } from "./members.ts";

const ROWS = 40;
const truth: Truth = {
  task: "regression",
  rows: ROWS,
  targets: 1,
  values: new Float64Array(ROWS),
  scale: [1],
};

/** How a world's members err: random effects of the rows, of the members, and of both. */
interface World {
  /** Deviation over rows of the error that all members share. */
  readonly shared: number;
  /** Deviation over members of how much of the shared error they have. */
  readonly lean: number;
  /** Deviation over members of the logarithm (roughly) of their own error's size. */
  readonly sizes: number;
  /** Directions that members' own errors lie in; fewer make errors of two members more alike. */
  readonly directions: number;
}

/** k members' errors as predictions of zero. */
function draw(world: World, from: Key, k: number): Members {
  const shared = normals(fold(from, "shared"), ROWS);
  const basis = Array.from({ length: world.directions }, (_, i) =>
    normals(fold(from, "direction", i), ROWS),
  );
  const members = Array.from({ length: k }, (_, member) => {
    const own = fold(from, "member", member);
    const [lean = 0, size = 0] = normals(own, 2);
    const weights = normals(fold(own, "weights"), world.directions);
    const scale = Math.abs(1 + world.sizes * size) / Math.sqrt(world.directions);
    const values = new Float64Array(ROWS);
    for (let row = 0; row < ROWS; row++) {
      values[row] = world.shared * (1 + world.lean * lean) * shared[row]!;
      for (let i = 0; i < world.directions; i++) {
        values[row]! += scale * weights[i]! * basis[i]![row]!;
      }
    }
    return { member, values };
  });
  return { task: "regression", rows: ROWS, outputs: 1, members };
}

const REPLICATIONS = 400;

/** Forecasts of E(k) from the first m members, and what became of them, over many worlds. */
function simulate(world: World, m: number, k: number) {
  const cases = Array.from({ length: REPLICATIONS }, (_, replication) => {
    const members = draw(world, fold(key(11), "replication", replication), k);
    const { error, interval, v } = forecastError(firstMembers(members, m), truth, k);
    const errorAt = (count: number) => squared(members, count);
    const reached = errorAt(k);
    const now = errorAt(m);
    // The same law with the floor taken to be half of v.
    const wrong = v / k + ((k - 1) / k) * (v / 2);
    const covered = interval!.low <= reached && reached <= interval!.high;
    return { signed: error - reached, wrong: wrong - reached, none: now - reached, covered };
  });
  const t = (values: number[]) =>
    mean(values) / (sampleStandardDeviation(values) / Math.sqrt(values.length));
  return {
    coverage: mean(cases.map(({ covered }) => Number(covered))),
    forecast: t(cases.map(({ signed }) => signed)),
    wrong: t(cases.map(({ wrong }) => wrong)),
    none: t(cases.map(({ none }) => none)),
  };
}

/** Error of the first members' mean, whose truth is 0. */
function squared({ members }: Members, count: number): number {
  let sum = 0;
  for (let row = 0; row < ROWS; row++) {
    let total = 0;
    for (let i = 0; i < count; i++) total += members[i]!.values[row]!;
    sum += (total / count) ** 2;
  }
  return sum / ROWS;
}

const WORLDS: Record<string, World> = {
  "members alike, errors in many directions": { shared: 0.7, lean: 0, sizes: 0, directions: 40 },
  "few directions": { shared: 0.5, lean: 0, sizes: 0, directions: 4 },
  "members of different quality": { shared: 1.5, lean: 0.15, sizes: 0.3, directions: 30 },
  "shared error dominates": { shared: 2, lean: 0.1, sizes: 0.2, directions: 20 },
  "hardly anything shared": { shared: 0.3, lean: 0, sizes: 0.3, directions: 10 },
};

describe("forecastError", () => {
  describe.each(Object.entries(WORLDS))("%s", (_, world) => {
    const found = simulate(world, 4, 32);

    test("is unbiased, from 4 members for 32", () => {
      expect(Math.abs(found.forecast)).toBeLessThan(3.3);
    });

    test("covers in 90 to 100 of 100 cases", () => {
      expect(found.coverage).toBeGreaterThanOrEqual(0.9);
    });

    test("beats no forecast, and a law with half of v as the floor", () => {
      expect(found.none).toBeGreaterThan(10);
      expect(Math.abs(found.wrong)).toBeGreaterThan(10);
    });
  });

  test("covers from more members, and for other sizes", () => {
    const world = WORLDS["members of different quality"]!;
    for (const [m, k] of [
      [3, 12],
      [8, 16],
      [16, 64],
    ] as const) {
      const { coverage, forecast } = simulate(world, m, k);
      expect(coverage).toBeGreaterThanOrEqual(0.9);
      expect(Math.abs(forecast)).toBeLessThan(3.3);
    }
  });

  test("is the law through the analysis' own v and c", () => {
    const members = draw(WORLDS["few directions"]!, key(3), 5);
    const { v, c, predictedError } = analyse(members, truth, "test");
    const forecast = forecastError(members, truth, 5);
    expect(forecast.v).toBeCloseTo(v, 12);
    expect(forecast.c).toBeCloseTo(c!, 12);
    expect(forecast.error).toBeCloseTo(predictedError, 12);
    // Nothing is new in an ensemble of the given members.
    expect(forecast.interval!.high - forecast.interval!.low).toBeCloseTo(0, 12);
  });

  test("the pseudo-values are those of leaving members out", () => {
    const m = 6;
    const k = 20;
    const members = draw(WORLDS["few directions"]!, key(4), m);
    const all = forecastError(members, truth, k);
    const pseudo = members.members.map((left) => {
      const rest = { ...members, members: members.members.filter((member) => member !== left) };
      return m * all.error - (m - 1) * forecastError(rest, truth, k).error;
    });
    const half =
      studentQuantile(m - 1) * sampleStandardDeviation(pseudo) * Math.sqrt(1 / m - 1 / k);
    expect(all.interval!.high).toBeCloseTo(all.error + half, 10);
  });

  test("says nothing of the width from one or two members", () => {
    const members = draw(WORLDS["few directions"]!, key(5), 2);
    expect(forecastError(members, truth, 8).interval).toBeNull();
    expect(forecastError(firstMembers(members, 1), truth, 8).interval).toBeNull();
  });
});

describe("studentQuantile", () => {
  // The density's integral from -t to t, by Simpson's rule; its constant by the whole integral.
  const central = (t: number, freedom: number) => {
    const integrate = (to: (u: number) => number, end: number) => {
      const steps = 4000;
      let sum = 0;
      for (let i = 0; i <= steps; i++) {
        sum += to((end * i) / steps) * (i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2);
      }
      return (sum * end) / steps / 3;
    };
    // With t = sqrt(n) tan(a) the density is cos(a)^(n-1) on (-pi/2, pi/2).
    const density = (a: number) => Math.cos(a) ** (freedom - 1);
    return integrate(density, Math.atan(t / Math.sqrt(freedom))) / integrate(density, Math.PI / 2);
  };

  test.each([1, 2, 3, 4, 7, 15, 29, 30, 31, 60, 500])("leaves 2.5 %% above, with %i", (freedom) => {
    expect(central(studentQuantile(freedom), freedom)).toBeCloseTo(0.95, 6);
  });
});
