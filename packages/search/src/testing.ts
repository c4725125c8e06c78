import { key } from "@manyfold/core";
import type { Params, Space } from "@manyfold/protocol";
import type { Observation, Question, SamplerRule } from "./samplers.ts";
import { axisOf, namesOf } from "./space.ts";

/** One promise of every sampler: run it under any test runner; it throws where the promise breaks. */
export interface Check {
  readonly name: string;
  readonly run: () => void;
}

/** Spaces of every kind of parameter, all with a grid. */
export const spaces: Readonly<Record<string, Space>> = {
  "one float": { x: { float: [-5, 10], steps: 7 } },
  logarithmic: {
    "train.optimizer.adam.lr": { float: [1e-4, 0.1], scale: "log", steps: 5 },
    "model.layers.0.dense.units": { int: [1, 256], scale: "log", steps: 4 },
  },
  mixed: {
    depth: { int: [0, 2] },
    kind: { categorical: ["relu", "tanh", true, 3] },
    rate: { float: [0, 0.5], steps: 3 },
  },
};

const TRIALS = 16;

/**
 * What every sampler keeps, over {@link spaces}: equal questions have equal answers, 8 and 8 trials
 * are 16, answers lie in the space, and questions and answers survive JSON.
 *
 * @param ask a row of the table of samplers, its settings filled in
 */
export function samplerContract({ ask, size }: Pick<SamplerRule, "ask" | "size">): Check[] {
  return Object.entries(spaces).flatMap(([title, space]) => {
    const trials = Math.min(TRIALS, size(space));
    const question = (trial: number, history: readonly Observation[], seed = 7): Question =>
      freeze({ key: key(seed), space, trial, history: [...history] });
    const answer = (asked: Question): Params => ask(asked, {});
    /** Trials `from` to `to`, told of all before them, as a resumed run would. */
    const study = (before: readonly Observation[], to: number): Observation[] => {
      const history = [...before];
      for (let trial = history.length; trial < to; trial++) {
        const params = answer(question(trial, history));
        history.push({ trial, params, value: worth(space, params) });
      }
      return history;
    };
    const whole = study([], trials);

    return [
      check(`${title}: equal questions have equal answers, in any order`, () => {
        for (let trial = trials - 1; trial >= 0; trial--) {
          const again = answer(question(trial, whole.slice(0, trial)));
          same(again, whole[trial]?.params, `trial ${trial}`);
        }
      }),
      check(`${title}: the parts of a study are the whole`, () => {
        for (let cut = 0; cut <= trials; cut++) {
          const stored = JSON.parse(JSON.stringify(study([], cut))) as Observation[];
          same(study(stored, trials), whole, `cut at ${cut}`);
        }
      }),
      check(`${title}: settings name every parameter, within its range`, () => {
        for (const { params } of whole) {
          same(Object.keys(params), namesOf(space), "names");
          for (const name of namesOf(space)) {
            const [domain, value] = [space[name], params[name]];
            if (domain === undefined || value === undefined || !axisOf(domain).has(value)) {
              throw new Error(`${name} is ${JSON.stringify(value)}, outside its range.`);
            }
          }
        }
      }),
      check(`${title}: settings survive JSON`, () => {
        same(JSON.parse(JSON.stringify(whole)), whole, "settings");
      }),
      check(`${title}: a finite sampler repeats nothing`, () => {
        const all = Number.isFinite(size(space)) ? study([], size(space)) : [];
        const texts = new Set(all.map(({ params }) => JSON.stringify(params)));
        same(texts.size, all.length, "number of different settings");
      }),
    ];
  });
}

function check(name: string, run: () => void): Check {
  return { name, run };
}

/** Some objective: the sum of coordinates. */
function worth(space: Space, params: Params): number {
  return namesOf(space).reduce((sum, name) => {
    const [domain, value] = [space[name], params[name]];
    return domain === undefined || value === undefined ? sum : sum + axisOf(domain).encode(value);
  }, 0);
}

/** A question that a sampler cannot change. */
function freeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(freeze);
  return Object.freeze(value);
}

function same(found: unknown, wanted: unknown, what: string): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${what}: ${a} is not ${b}.`);
}
