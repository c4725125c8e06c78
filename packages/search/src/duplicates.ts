import {
  canonicalJson,
  ManyfoldError,
  type ConfigComplaint,
  type Params,
  type SearchSpec,
  type Space,
} from "@manyfold/protocol";
import type { Allows, Learner } from "./sampler.ts";
import { treeOf } from "./tree.ts";

/**
 * A learner that proposes no setting twice: what was proposed before is not allowed any more, so
 * that the sampler draws again. Where it finds no new one it may repeat.
 *
 * @param begin a sampler's beginning, with what it may propose
 * @param earlier settings that others have tried
 * @param adaptive whether it is told of earlier trials; otherwise they are proposed again to know them
 */
export function unrepeated(
  begin: (allows: Allows) => Learner,
  allows: Allows | undefined,
  earlier: readonly Params[],
  adaptive: boolean,
): Learner {
  const known = new Set(earlier.map((params) => canonicalJson(params)));
  let waiting = new Set<string>();
  let isExhausted = false;
  const isNew: Allows = (params) => {
    if (allows?.(params) === false) return false;
    if (isExhausted) return true;
    const name = canonicalJson(params);
    return !known.has(name) && !waiting.has(name);
  };
  const learner = begin(isNew);
  const ask: Learner["ask"] = (trial, pending) => {
    isExhausted = false;
    try {
      return learner.ask(trial, pending);
    } catch (error) {
      if (!(error instanceof ManyfoldError)) throw error;
      isExhausted = true;
      return learner.ask(trial, pending);
    }
  };
  const settings: Params[] = [];
  return {
    ...learner,
    tell: (observation) => {
      known.add(canonicalJson(observation.params));
      learner.tell(observation);
    },
    ask: (trial, pending) => {
      if (adaptive) {
        waiting = new Set(pending.map((params) => canonicalJson(params)));
        return ask(trial, pending);
      }
      while (settings.length <= trial) {
        const params = ask(settings.length, []);
        known.add(canonicalJson(params));
        settings.push(params);
      }
      return settings[trial] as Params;
    },
  };
}

/** Number of different settings of a space; Infinity where one cannot be counted. */
export function countOf(space: Space): number {
  const { names, axes, isActive, parents } = treeOf(space);
  const isParent = new Set(parents);
  const valuesOf = (index: number): number => axes[index]?.count ?? Infinity;
  // Branches of the values that others depend on, as in a grid.
  let branches: Params[] = [{}];
  for (const index of parents) {
    const [axis, name] = [axes[index], names[index] ?? ""];
    const values = axis?.points() ?? [];
    if (values.length !== valuesOf(index)) return Infinity;
    branches = branches.flatMap((params) =>
      isActive(index, params) ? values.map((value) => ({ ...params, [name]: value })) : [params],
    );
    if (branches.length > MOST_BRANCHES) return Infinity;
  }
  return branches.reduce((sum, params) => {
    const free = names.flatMap((_, index) =>
      !isParent.has(index) && isActive(index, params) ? [valuesOf(index)] : [],
    );
    return sum + free.reduce((product, count) => product * count, 1);
  }, 0);
}

const MOST_BRANCHES = 10_000;

/** More trials than there are settings, where none may come twice. */
export function duplicateComplaints(search: SearchSpec): ConfigComplaint[] {
  if (search.duplicates !== "reject") return [];
  const count = countOf(search.space);
  if ((search.trials ?? 0) <= count) return [];
  const condition = `at most ${count}, the number of different settings, for duplicates: reject`;
  return [{ path: ["search", "trials"], at: "value", condition, got: String(search.trials) }];
}
