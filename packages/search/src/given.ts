import { fold, type Key } from "@manyfold/core";
import {
  nearest,
  show,
  type ConfigComplaint,
  type Params,
  type SearchSpec,
  type Space,
} from "@manyfold/protocol";
import { allowsOf } from "./constraint.ts";
import { drawn } from "./random.ts";
import type { Allows, Learner, Observation } from "./sampler.ts";
import { axisOf } from "./space.ts";
import { domainOf, namesOf, treeOf } from "./tree.ts";

/**
 * A learner whose first trials are settings that the user wrote down; what those leave out is drawn
 * at random. A sampler that learns is told of them as of its own; another one begins after them, so
 * that its own sequence lacks nothing.
 *
 * @param key the search's own
 */
export function enqueued(
  learner: Learner,
  settings: readonly Params[],
  premise: { readonly key: Key; readonly space: Space; readonly allows?: Allows },
  adaptive: boolean,
): Learner {
  if (settings.length === 0) return learner;
  const { key, space, allows } = premise;
  const ofQueue = fold(key, "enqueued");
  let given: Params | undefined;
  return {
    ...learner,
    reason: () => (given ? { by: "queue", results: 0, needed: 0 } : learner.reason?.()),
    ask: (trial, pending) => {
      given = settings[trial];
      if (given !== undefined) return drawn(ofQueue, space, trial, allows, given);
      return learner.ask(adaptive ? trial : trial - settings.length, pending);
    },
  };
}

/** A learner that goes on from an earlier run's trials, as if they had been its own first ones. */
export function continued(
  learner: Learner,
  earlier: readonly Pick<Observation, "params" | "value">[],
): Learner {
  if (earlier.length === 0) return learner;
  const shift = earlier.length;
  const shifted = (one: Observation): Observation => ({ ...one, trial: one.trial + shift });
  // They were trained to the end, further than any rung of this search.
  earlier.forEach(({ params, value }, trial) => {
    learner.tell({ trial, params, value, rung: Infinity });
  });
  return {
    tell: (one) => learner.tell(shifted(one)),
    revise: (one) => learner.revise?.(shifted(one)),
    ask: (trial, pending) => learner.ask(trial + shift, pending),
    reason: () => {
      const reason = learner.reason?.();
      if (reason === undefined) return reason;
      const { good, near, ...rest } = reason;
      // By the numbers of this search; those before it have none.
      return {
        ...rest,
        ...(good && { good: good.map((one) => one - shift).filter((one) => one >= 0) }),
        ...(near !== undefined && near >= shift && { near: near - shift }),
      };
    },
  };
}

/**
 * What keeps a setting from being one of a space; `null` where nothing does. A setting may leave
 * parameters out.
 */
function misfitOf(
  space: Space,
  setting: Params,
): { name: string; condition: string; got: string; help?: string } | null {
  const names = namesOf(space);
  for (const [name, value] of Object.entries(setting)) {
    const got = show(value);
    if (!names.includes(name)) {
      const near = nearest(name, names);
      const help = near === undefined ? {} : { help: `Did you mean ${near}?` };
      return { name, condition: "a parameter of search.space", got: show(name), ...help };
    }
    const domain = domainOf(space, name);
    if (!axisOf(domain).has(value)) {
      const { when: _, ...values } = domain;
      return { name, condition: `a value of ${show(values)}`, got };
    }
    if (!treeOf(space).isActive(names.indexOf(name), setting)) {
      const condition = `left out beside these values of ${Object.keys(domain.when ?? {}).join(", ")}`;
      const help = "A parameter with conditions is given beside those that it depends on.";
      return { name, condition, got, help };
    }
  }
  return null;
}

/** Whether a setting is complete: every parameter that counts has a value of its domain. */
function isWhole(space: Space, setting: Params): boolean {
  const { names, isActive } = treeOf(space);
  if (misfitOf(space, setting) !== null) return false;
  return names.every((name, index) => !isActive(index, setting) || setting[name] !== undefined);
}

/** Whether a whole setting is one of a search. */
export function fitsSpace(search: Pick<SearchSpec, "space" | "constraints">, setting: Params) {
  return isWhole(search.space, setting) && (allowsOf(search)?.(setting) ?? true);
}

/** Enqueued settings that are none of the space, or more of them than trials. */
export function queueComplaints(search: SearchSpec): ConfigComplaint[] {
  const { enqueue = [], space, trials } = search;
  const allows = allowsOf(search);
  const misfits = enqueue.flatMap((setting, index): ConfigComplaint[] => {
    const misfit = misfitOf(space, setting);
    const path = ["search", "enqueue", index];
    if (misfit !== null) {
      const { name, ...complaint } = misfit;
      const at = misfit.condition.startsWith("a value") ? "value" : "key";
      return [{ path: [...path, name], at, ...complaint }];
    }
    if (allows === undefined || !isWhole(space, setting) || allows(setting)) return [];
    const condition = "a setting that keeps search.constraints";
    return [{ path, at: "value", condition, got: show(setting) }];
  });
  if (misfits.length > 0 || enqueue.length <= (trials ?? Infinity)) return misfits;
  const condition = `at most ${trials} settings, since search.trials is ${trials}`;
  return [{ path: ["search", "enqueue"], at: "value", condition, got: String(enqueue.length) }];
}
