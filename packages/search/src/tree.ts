import type { Domain, Params, ParamValue, Space, When } from "@manyfold/protocol";
import { axisOf, type Axis } from "./space.ts";

/**
 * A space with its conditions: which parameters a setting has depends on the values of others, those
 * that come before them in {@link Tree.names}.
 */
export interface Tree {
  /**
   * In the one order that counts, whatever the order of a file's lines: by name, but parameters
   * with conditions after those that they depend on.
   */
  readonly names: readonly string[];
  /** By the index of the name. */
  readonly axes: readonly Axis[];
  /** Whether a parameter counts in a setting that has those before it. */
  readonly isActive: (index: number, params: Params) => boolean;
  /**
   * Parameters that always count together, parents first: those of equal conditions. Without
   * conditions there is one group.
   */
  readonly groups: readonly (readonly number[])[];
  /** Parameters that others depend on, ascending. */
  readonly parents: readonly number[];
}

const trees = new WeakMap<Space, Tree>();

/** The tree of a space, made once. */
export function treeOf(space: Space): Tree {
  const known = trees.get(space);
  if (known) return known;
  const made = growTree(space);
  trees.set(space, made);
  return made;
}

/** The names of a space in the order of its tree. */
export function namesOf(space: Space): readonly string[] {
  return treeOf(space).names;
}

/** The domain of a name that the space has. */
export function domainOf(space: Space, name: string): Domain {
  const domain = space[name];
  if (domain === undefined) throw new TypeError(`The space has no ${name}.`);
  return domain;
}

/** Whether a value is what a condition asks for. */
export function meets(wanted: When[string], value: ParamValue | undefined): boolean {
  if (value === undefined) return false;
  if (Array.isArray(wanted)) return wanted.includes(value);
  if (typeof wanted !== "object") return wanted === value;
  const { min = -Infinity, max = Infinity } = wanted;
  return typeof value === "number" && value >= min && value <= max;
}

function growTree(space: Space): Tree {
  const names = ordered(space);
  const axes = names.map((name) => axisOf(domainOf(space, name)));
  const conditions = names.map((name) => Object.entries(domainOf(space, name).when ?? {}));
  const groups = new Map<string, number[]>();
  conditions.forEach((condition, index) => {
    const sorted = condition.toSorted(([a], [b]) => (a < b ? -1 : 1));
    const title = JSON.stringify(sorted);
    groups.set(title, [...(groups.get(title) ?? []), index]);
  });
  const parents = new Set(conditions.flat().map(([name]) => names.indexOf(name)));
  return {
    names,
    axes,
    isActive: (index, params) =>
      (conditions[index] ?? []).every(([name, wanted]) => meets(wanted, params[name])),
    groups: [...groups.values()],
    parents: [...parents].filter((index) => index >= 0).toSorted((a, b) => a - b),
  };
}

/** Names by depth, then by name; those in a circle of conditions last. */
function ordered(space: Space): string[] {
  const placed = new Set<string>();
  let left = Object.keys(space).toSorted((a, b) => (a < b ? -1 : 1));
  const isReady = (name: string) =>
    Object.keys(space[name]?.when ?? {}).every((other) => placed.has(other));
  while (left.length > 0) {
    const ready = left.filter(isReady);
    const next = ready.length > 0 ? ready : left;
    for (const name of next) placed.add(name);
    left = left.filter((name) => !placed.has(name));
  }
  return [...placed];
}
