// Two worlds in which every figure's true value is known: linear errors in closed form, and three
// classes over a finite population of rows and members that draws are taken from.
import { elementary, fold, integers, key, type Key, normals, uniforms } from "@manyfold/core";
import { analyse, firstMembers, forecastError, lawError, membersEnough } from "@manyfold/ensemble";
import type { Members, Truth } from "@manyfold/ensemble";
import type { Interval } from "@manyfold/protocol";

/** How often a figure's interval held what it is about. */
export interface Simulated {
  readonly world: string;
  readonly figure: string;
  readonly about: string;
  readonly level: number;
  readonly covered: number;
  /** Mean width over the true value. */
  readonly width: number;
  readonly draws: number;
  readonly holds: boolean;
}

/** v and c over all rows of a world. */
interface Moments {
  readonly v: number;
  readonly c: number;
}

interface Draw {
  readonly members: Members;
  readonly truth: Truth;
  /** Of the members drawn, and of all members that could be drawn. */
  readonly these: Moments;
  readonly all: Moments;
}

type World = (from: Key) => Draw;

/** Random functions of a few directions, around one they share, with noise in the target. */
function linear(rows: number, k: number): World {
  const directions = 5;
  const noise = 1;
  const own = 0.6;
  return (from) => {
    const shared = normals(fold(key(11), "shared"), directions).map((value) => 0.4 * value);
    const slopes = normals(fold(from, "members"), k * directions);
    const x = normals(fold(from, "rows"), rows * directions);
    const values = normals(fold(from, "noise"), rows).map((value) => noise * value);
    const slope = (member: number, at: number) =>
      shared[at]! + own * slopes[member * directions + at]!;
    const members = Array.from({ length: k }, (_, member) => ({
      member,
      values: Float64Array.from({ length: rows }, (__, row) => {
        let sum = 0;
        for (let at = 0; at < directions; at++)
          sum += slope(member, at) * x[row * directions + at]!;
        return sum;
      }),
    }));
    let [squares, ofSum] = [0, 0];
    for (let at = 0; at < directions; at++) {
      let sum = 0;
      for (let member = 0; member < k; member++) {
        sum += slope(member, at);
        squares += slope(member, at) ** 2;
      }
      ofSum += sum * sum;
    }
    const bias = shared.reduce((sum, value) => sum + value * value, 0);
    const base = noise * noise;
    return {
      members: { task: "regression", rows, outputs: 1, members },
      truth: { task: "regression", rows, targets: 1, values, scale: [1] },
      these: { v: base + squares / k, c: base + (ofSum - squares) / (k * (k - 1)) },
      all: { v: base + bias + directions * own * own, c: base + bias },
    };
  };
}

/** Probabilities of three classes by members with odds of their own, on rows of unequal difficulty. */
function classes(rows: number, k: number): World {
  const [rowsOfAll, membersOfAll, outputs] = [3000, 120, 3];
  const from = key(12);
  const odds = normals(fold(from, "odds"), rowsOfAll * outputs).map((value) => 1.8 * value);
  const chance = uniforms(fold(from, "labels"), rowsOfAll);
  const soft = (values: Float64Array): Float64Array => {
    const powers = values.map((value) => elementary.exp(value));
    const total = powers.reduce((sum, value) => sum + value, 0);
    return powers.map((value) => value / total);
  };
  const labels = Uint32Array.from(chance, (u, row) => {
    const p = soft(odds.slice(row * outputs, (row + 1) * outputs));
    return u < p[0]! ? 0 : u < p[0]! + p[1]! ? 1 : 2;
  });
  const population = Array.from({ length: membersOfAll }, (_, member) => {
    const tilt = normals(fold(from, "tilt", member), outputs).map((value) => 0.5 * value);
    const apart = normals(fold(from, "apart", member), rowsOfAll * outputs);
    const said = new Float64Array(rowsOfAll * outputs);
    for (let row = 0; row < rowsOfAll; row++) {
      const at = row * outputs;
      const own = Float64Array.from(
        { length: outputs },
        (__, cls) => 1.3 * odds[at + cls]! + tilt[cls]! + 0.7 * apart[at + cls]!,
      );
      said.set(soft(own), at);
    }
    return said;
  });
  const errorAt = (member: number, at: number) =>
    population[member]![at]! - (labels[Math.floor(at / outputs)] === at % outputs ? 1 : 0);
  const over = (chosen: readonly number[]) => {
    let [squares, ofSum] = [0, 0];
    for (let at = 0; at < rowsOfAll * outputs; at++) {
      let sum = 0;
      for (const member of chosen) {
        const error = errorAt(member, at);
        sum += error;
        squares += error * error;
      }
      ofSum += sum * sum;
    }
    return { squares: squares / rowsOfAll, ofSum: ofSum / rowsOfAll };
  };
  const whole = over(Array.from(population.keys()));
  // Members are drawn independently, so that two of them may be the same one.
  const all = { v: whole.squares / membersOfAll, c: whole.ofSum / membersOfAll ** 2 };
  return (drawn) => {
    const chosen = [...integers(fold(drawn, "members"), k, membersOfAll)];
    const picked = integers(fold(drawn, "rows"), rows, rowsOfAll);
    const own = over(chosen);
    const members = chosen.map((member, index) => {
      const values = new Float64Array(rows * outputs);
      picked.forEach((row, at) =>
        values.set(population[member]!.subarray(row * outputs, (row + 1) * outputs), at * outputs),
      );
      return { member: index, values };
    });
    return {
      members: { task: "classification", rows, outputs, members },
      truth: {
        task: "classification",
        rows,
        classes: outputs,
        labels: Uint32Array.from(picked, (row) => labels[row]!),
      },
      these: { v: own.squares / k, c: (own.ofSum - own.squares) / (k * (k - 1)) },
      all,
    };
  };
}

const WORLDS: Readonly<Record<string, { world: World; k: number }>> = {
  "linear, 150 rows, 16 members": { world: linear(150, 16), k: 16 },
  "linear, 400 rows, 6 members": { world: linear(400, 6), k: 6 },
  "three classes, 200 rows, 16 members": { world: classes(200, 16), k: 16 },
  "three classes, 450 rows, 8 members": { world: classes(450, 8), k: 8 },
};

const THESE = "these members on new rows";
const ALL = "the mean over members like these, on new rows";
const NEXT = "this ensemble grown by new members, on these rows";

/** Every figure of v, c and k that has an interval. */
const FIGURES: Readonly<Record<string, (of: Moments, k: number) => number>> = {
  v: ({ v }) => v,
  c: ({ c }) => c,
  rho: ({ v, c }) => c / v,
  ensembleError: ({ v, c }, k) => lawError(v, c, k),
  gain: ({ v, c }, k) => v - lawError(v, c, k),
  remaining: ({ v, c }, k) => (v - c) / k,
};

/** Coverage of every interval over independent draws of rows and members. */
export function simulations(draws: number): Simulated[] {
  return Object.entries(WORLDS).flatMap(([name, { world, k }]) => {
    const found = new Map<string, { figure: string; about: string; hits: number; width: number }>();
    const note = (
      figure: string,
      about: string,
      interval: Interval | null | undefined,
      truth: number,
    ) => {
      const own = found.get(`${figure} ${about}`) ?? { figure, about, hits: 0, width: 0 };
      if (interval) {
        if (interval.low <= truth && truth <= interval.high) own.hits++;
        own.width += (interval.high - interval.low) / truth / draws;
      }
      found.set(`${figure} ${about}`, own);
    };
    for (let draw = 0; draw < draws; draw++) {
      const { members, truth, these, all } = world(fold(key(13), name, draw));
      const { intervals, newMembers, enough, ensembleError } = analyse(members, truth, "test");
      for (const [figure, valueOf] of Object.entries(FIGURES)) {
        const at = figure as keyof typeof intervals;
        note(figure, THESE, intervals[at], valueOf(these, k));
        note(figure, ALL, newMembers?.[at], valueOf(all, k));
      }
      for (const { tolerance, interval } of enough) {
        if (tolerance !== 0.01) continue;
        note(
          "members enough for 1 %",
          THESE,
          interval,
          membersEnough(these.v, these.c, 0.01) ?? NaN,
        );
      }
      const forecast = forecastError(firstMembers(members, k / 2), truth, k);
      note(`error of ${k} members from the first ${k / 2}`, NEXT, forecast.interval, ensembleError);
    }
    return [...found.values()].map(({ figure, about, hits, width }) => {
      const covered = hits / draws;
      // Between whole numbers an interval can only be too wide.
      const most = figure.startsWith("members") ? 1 : 0.98;
      const holds = 0.92 <= covered && covered <= most;
      return { world: name, figure, about, level: 0.95, covered, width, draws, holds };
    });
  });
}
