import { fold, key, uniforms } from "@manyfold/core";
import { SearchSpec, type Params, type Space } from "@manyfold/protocol";
import { beginCourse, type Course, type Result } from "./course.ts";
import type { Cell } from "./scheduler.ts";
import { axisOf } from "./space.ts";
import { namesOf } from "./tree.ts";

/** One promise: run it under any test runner; it throws where the promise breaks. */
export interface Check {
  readonly name: string;
  readonly run: () => void;
}

const EPOCHS = 9;
const LAG = 3;

const SPACE: Space = {
  "train.optimizer.adam.lr": { float: [0.001, 1], scale: "log", steps: 12 },
  "model.layers.0.dense.units": { int: [1, 16], steps: 12 },
};

const SCHEDULERS = {
  "no scheduler": undefined,
  "ASHA that promotes": { asha: { min: 1, eta: 3 } },
  "ASHA that stops": { asha: { min: 1, eta: 2, mode: "stop" as const } },
  median: { median: { every: 2, startup: 3 } },
  Hyperband: { hyperband: { eta: 3 } },
};

/** Every sampler with every scheduler, as searches of {@link SearchSpec}. */
export const pairs: readonly { readonly name: string; readonly search: SearchSpec }[] = (
  ["grid", "random", "sobol", "halton", "tpe", "cma-es"] as const
).flatMap((sampler) =>
  Object.entries(SCHEDULERS).map(([name, scheduler]) => ({
    name: `${sampler} with ${name}`,
    search: SearchSpec.parse({
      sampler: sampler === "tpe" ? { tpe: { startup: 4 } } : sampler,
      // The trials of all brackets, of 9 epochs by threes.
      trials: 17,
      lag: LAG,
      space: SPACE,
      ...(scheduler && { scheduler }),
    }),
  })),
);

/**
 * What the decisions of a search keep, on any number of slots that work at any pace: they are the
 * same, the same after a coordinator's death, and the parts of a search are the whole. In free
 * order, a journal of what each decision saw makes the same decisions again.
 *
 * @param search as in {@link pairs}; of a new sampler or scheduler, one that names it
 */
export function courseContract(search: SearchSpec): Check[] {
  const trials = search.trials ?? 0;
  const alone = ledgerOf(work(search, trials, 1, "even"));
  const check = (name: string, run: () => void) => ({ name, run });
  return [
    ...[2, 4, 16].map((slots) =>
      check(`is the same on ${slots} slots at any pace`, () => {
        for (const pace of ["even", "odd", "back"]) {
          same(ledgerOf(work(search, trials, slots, pace)), alone, `${slots} slots, ${pace}`);
        }
      }),
    ),
    check("is the same after a death at any time", () => {
      for (let length = 1; length < alone.length; length += 5) {
        const before = work(search, trials, 4, "odd", length);
        same(ledgerOf(work(search, trials, 3, "even", Infinity, before)), alone, `at ${length}`);
      }
    }),
    check("has no more under way than the lag allows", () => {
      const { most } = work(search, trials, 100, "odd");
      if (most > LAG + 1) throw new Error(`${most} cells are under way.`);
    }),
    check("goes on to twice the trials as if they had been asked for at first", () => {
      const whole = ledgerOf(work(search, 2 * trials, 4, "even"));
      const part = work(search, trials, 2, "odd");
      same(ledgerOf(work(search, 2 * trials, 3, "even", Infinity, part)), whole, "grown");
    }),
    check("in free order is what its journal says", () => {
      const free = workFreely(search, trials, 4);
      const again = beginCourse(search, key(7), { epochs: EPOCHS, trials }, Infinity);
      let told = 0;
      for (const saw of free.seen) {
        for (; told < saw; told++) {
          const { place, result } = free.arrived[told] ?? fail("A decision saw too much.");
          again.tell(place, result);
        }
        again.next();
        again.accept();
      }
      same([again.made, again.settings], [free.course.made, free.course.settings], "replayed");
    }),
  ];
}

interface Worked {
  readonly course: Course;
  readonly results: ReadonlyMap<string, Result>;
  readonly most: number;
}

const nameOf = ({ trial, rung }: Cell) => `${trial}/${rung}`;

/** A result follows from the setting and how far it was trained; every so often it is a failure. */
function resultOf({ trial, rung }: Cell, params: Params): Result {
  const share = (what: string) => uniforms(fold(key(3), what, trial * 100 + rung), 1)[0] ?? 0;
  if (share("fails") < 0.06) return { value: null };
  const far = namesOf(SPACE).reduce((sum, name) => {
    const [domain, value] = [SPACE[name], params[name]];
    return domain && value !== undefined ? sum + Math.abs(axisOf(domain).encode(value) - 2) : sum;
  }, 0);
  return { value: far + share("noise") - rung / 3, standardError: 0.1 };
}

/** Which of the cells under way ends next. */
const PACES: Readonly<Record<string, (open: readonly string[]) => number>> = {
  even: () => 0,
  odd: (open) => (uniforms(fold(key(5), open.join(" ")), 1)[0] ?? 0) * open.length,
  back: (open) => open.length - 1,
};

/** Runs a search in numbered order on so many slots, until so many results are there. */
function work(
  search: SearchSpec,
  trials: number,
  slots: number,
  pace: string,
  until = Infinity,
  before?: Worked,
): Worked {
  const course = beginCourse(search, key(7), { epochs: EPOCHS, trials }, Infinity);
  const results = new Map(before?.results);
  const running: string[] = [];
  let most = 0;
  while (results.size < until) {
    course.advance((cell) => results.get(nameOf(cell)));
    const open = course.made.filter((cell) => !results.has(nameOf(cell)));
    most = Math.max(most, open.length);
    for (const cell of open) {
      if (running.length >= slots) break;
      if (!running.includes(nameOf(cell))) running.push(nameOf(cell));
    }
    const [ended] = running.splice(Math.floor(PACES[pace]?.(running) ?? 0), 1);
    const cell = open.find((one) => nameOf(one) === ended);
    if (cell === undefined) break;
    results.set(nameOf(cell), resultOf(cell, course.settings[cell.trial] ?? {}));
  }
  return { course, results, most };
}

/** What was tried and found, by trial and rung; the order of decisions apart, which growth changes. */
function ledgerOf({ course, results }: Worked): unknown[] {
  return course.made
    .map((cell) => ({
      trial: cell.trial,
      rung: cell.rung,
      params: course.settings[cell.trial],
      result: results.get(nameOf(cell)),
    }))
    .toSorted((a, b) => a.trial - b.trial || a.rung - b.rung);
}

function workFreely(search: SearchSpec, trials: number, slots: number) {
  const course = beginCourse(search, key(7), { epochs: EPOCHS, trials }, Infinity);
  const arrived: { place: number; result: Result }[] = [];
  const seen: number[] = [];
  const running: number[] = [];
  for (;;) {
    while (running.length < slots && course.next() !== undefined) {
      course.accept();
      seen.push(arrived.length);
      running.push(course.made.length - 1);
    }
    const [place] = running.splice(Math.floor(PACES["odd"]?.(running.map(String)) ?? 0), 1);
    const cell = place === undefined ? undefined : course.made[place];
    if (place === undefined || cell === undefined) return { course, arrived, seen };
    const result = resultOf(cell, course.settings[cell.trial] ?? {});
    arrived.push({ place, result });
    course.tell(place, result);
  }
}

function fail(message: string): never {
  throw new Error(message);
}

function same(found: unknown, wanted: unknown, what: string): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${what}: ${a} is not ${b}.`);
}
