import { key } from "@manyfold/core";
import type { Params, Space } from "@manyfold/protocol";
import type { Learner, Observation, SamplerRule } from "./sampler.ts";
import type { Check } from "./course-contract.ts";
import { axisOf } from "./space.ts";
import { namesOf, treeOf } from "./tree.ts";

export { courseContract, pairs } from "./course-contract.ts";
export type { Check } from "./course-contract.ts";

/** Spaces of every kind of parameter, all with a grid. */
export const spaces: Readonly<Record<string, Space>> = {
  "one float": { x: { float: [-5, 10], steps: 7 } },
  logarithmic: {
    "train.optimizer.adam.lr": { float: [1e-4, 0.1], scale: "log", steps: 5 },
    "model.layers.0.dense.units": { int: [1, 256], scale: "log", steps: 4 },
  },
  "steps and shares": {
    momentum: { float: [0.5, 0.99], scale: "logit", steps: 4 },
    rate: { float: [0, 0.7], step: 0.1 },
    units: { int: [8, 70], step: 8 },
    batch: { categorical: [16, 64, 256], ordered: true },
  },
  conditional: {
    kind: { categorical: ["svm", "net"] },
    kernel: { categorical: ["linear", "rbf"], when: { kind: "svm" } },
    gamma: { float: [0.01, 10], scale: "log", steps: 4, when: { kernel: "rbf" } },
    layers: { int: [1, 3], when: { kind: ["net"] } },
    second: { int: [1, 8], when: { layers: { min: 2 } } },
    bias: { boolean: true, when: { kind: "net" } },
    solver: { constant: "lbfgs", when: { kind: "svm" } },
  },
  mixed: {
    depth: { int: [0, 2] },
    kind: { categorical: ["relu", "tanh", true, 3] },
    rate: { float: [0, 0.5], steps: 3 },
  },
};

const TRIALS = 40;
const LAG = 3;

/**
 * What every sampler keeps, over those {@link spaces} that it takes: equal premises have equal
 * answers, the parts of a study are the whole, what is asked for in between and what lies behind the
 * lag changes nothing, answers lie in the space, and questions and answers survive JSON.
 *
 * @param rule a row of the table of samplers
 * @param settings its settings, defaults filled in
 */
export function samplerContract<Settings>(
  rule: SamplerRule<Settings>,
  settings: Settings,
): Check[] {
  const taken = Object.entries(spaces).filter(([, space]) => rule.complaints(space).length === 0);
  const some = check("takes some space", () => {
    if (taken.length === 0) throw new Error("Every space has complaints.");
  });
  return [some, ...taken.flatMap(([title, space]) => checksOn(rule, settings, title, space))];
}

function checksOn<Settings>(
  rule: SamplerRule<Settings>,
  settings: Settings,
  title: string,
  space: Space,
): Check[] {
  const { adaptive } = rule;
  const size = (of: Space) => rule.size(of);
  const trials = Math.min(TRIALS, size(space));
  const begin = (seed = 7): Learner =>
    rule.begin(freeze({ key: key(seed), space, lag: LAG }), freeze(settings));
  const seenBy = (trial: number) => (adaptive ? Math.max(0, trial - LAG) : 0);

  /** The answer of a learner that was told nothing before. */
  const afresh = (history: readonly Observation[], trial: number): Params => {
    const learner = begin();
    for (const told of history.slice(0, seenBy(trial))) learner.tell(freeze(told));
    return learner.ask(trial, freeze(settingsOf(history.slice(seenBy(trial), trial))));
  };
  /** Trials up to `to`, told of all before them, as a resumed run would. */
  const study = (before: readonly Observation[], to: number, learner = begin()): Observation[] => {
    const history = [...before];
    let told = 0;
    for (let trial = history.length; trial < to; trial++) {
      for (; told < seenBy(trial); told++) learner.tell(freeze(history[told] as Observation));
      const params = learner.ask(trial, freeze(settingsOf(history.slice(told))));
      history.push({ trial, params, value: worth(space, params, trial) });
    }
    return history;
  };
  const whole = study([], trials);

  return [
    check(`${title}: a learner told of all at once answers as one told trial by trial`, () => {
      for (let trial = trials - 1; trial >= 0; trial--) {
        same(afresh(whole, trial), whole[trial]?.params, `trial ${trial}`);
      }
    }),
    check(`${title}: questions change nothing`, () => {
      const learner = begin();
      const asked = {
        tell: learner.tell.bind(learner),
        ask: (trial: number, pending: readonly Params[]) => {
          learner.ask(trial, []);
          learner.ask(trial + 1, pending);
          return learner.ask(trial, pending);
        },
      };
      same(study([], trials, asked), whole, "asked three times");
    }),
    check(`${title}: the parts of a study are the whole`, () => {
      for (let cut = 0; cut <= trials; cut += 4) {
        const stored = JSON.parse(JSON.stringify(study([], cut))) as Observation[];
        same(study(stored, trials), whole, `cut at ${cut}`);
      }
    }),
    check(`${title}: two searches at once do not see each other`, () => {
      const [one, other] = [begin(), begin(8)];
      const both = {
        tell: (observation: Observation) => {
          other.tell({ ...observation, value: -(observation.value ?? 0) });
          one.tell(observation);
        },
        ask: (trial: number, pending: readonly Params[]) => {
          other.ask(trial, pending);
          return one.ask(trial, pending);
        },
      };
      same(study([], trials, both), whole, "beside another");
    }),
    check(`${title}: settings name every parameter that counts, within its range`, () => {
      const tree = treeOf(space);
      for (const { params } of whole) {
        const wanted = namesOf(space).filter((_, index) => tree.isActive(index, params));
        same(Object.keys(params).toSorted(), wanted.toSorted(), "names");
        for (const name of wanted) {
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
}

function check(name: string, run: () => void): Check {
  return { name, run };
}

function settingsOf(history: readonly Observation[]): Params[] {
  return history.map(({ params }) => params);
}

/** Some objective: the sum of coordinates; every seventh trial fails, and every eleventh ties. */
function worth(space: Space, params: Params, trial: number): number | null {
  if (trial % 7 === 6) return null;
  if (trial % 11 === 10) return 0;
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
