import { complaintError, show, type Params, type ParamValue, type Space } from "@manyfold/protocol";
import { unmoved, type Allows, type SamplerRule } from "./sampler.ts";
import { axisOf } from "./space.ts";
import { domainOf, namesOf, treeOf } from "./tree.ts";

/**
 * Every combination. Trial n is the number n in the mixed radix of the parameters' grids, the last
 * name the lowest digit: no list of combinations, nothing twice, resumable at any point.
 *
 * Where parameters depend on others, the values of those others come first, and each such branch
 * has the combinations of the parameters that count in it. Constraints take combinations out.
 */
export const grid: SamplerRule = {
  adaptive: false,
  size: (space, allows) => layoutOf(space, allows).size,
  begin: ({ space, allows }) => {
    const { at } = layoutOf(space, allows);
    return unmoved(at);
  },
  complaints: (space) => {
    return namesOf(space)
      .filter((name) => gridOf(space, name) === undefined)
      .map((name) => ({
        path: ["search", "space", name],
        at: "value",
        condition: "a range with steps for sampler: grid",
        got: show(space[name]),
        help: "Add for example steps: 5, or list the values with categorical: [...].",
      }));
  },
};

/** The values of some parameters that others depend on, and the parameters that count with them. */
interface Branch {
  readonly fixed: Params;
  readonly free: readonly string[];
  /** Combinations of all branches before this one. */
  readonly from: number;
  readonly size: number;
}

interface Layout {
  readonly size: number;
  readonly at: (trial: number) => Params;
}

/** Most combinations of a grid with constraints, which has to try each. */
const MOST_TRIED = 1_000_000;

function layoutOf(space: Space, allows?: Allows): Layout {
  const branches = branchesOf(space);
  const last = branches[branches.length - 1];
  const size = last === undefined ? 0 : last.from + last.size;
  const at = (combination: number): Params => {
    const branch = branches.findLast(({ from }) => from <= combination) ?? last;
    return branch === undefined ? {} : pointOf(space, branch, combination - branch.from);
  };
  if (allows === undefined) return { size, at };
  const kept: number[] = [];
  for (let combination = 0; combination < Math.min(size, MOST_TRIED); combination++) {
    if (allows(at(combination))) kept.push(combination);
  }
  return { size: kept.length, at: (trial) => at(kept[trial] ?? 0) };
}

function branchesOf(space: Space): Branch[] {
  const { names, parents, isActive } = treeOf(space);
  const isParent = new Set(parents);
  let fixed: Params[] = [{}];
  for (const index of parents) {
    const name = names[index] ?? "";
    fixed = fixed.flatMap((params) =>
      isActive(index, params)
        ? pointsOf(space, name).map((value) => ({ ...params, [name]: value }))
        : [params],
    );
  }
  let from = 0;
  return fixed.map((params) => {
    const free = names.filter((_, index) => !isParent.has(index) && isActive(index, params));
    const size = free.reduce((product, name) => product * pointsOf(space, name).length, 1);
    const branch = { fixed: params, free, from, size };
    from += size;
    return branch;
  });
}

function pointOf(space: Space, { fixed, free }: Branch, combination: number): Params {
  let rest = combination;
  const values: Params = { ...fixed };
  for (const name of free.toReversed()) {
    const points = pointsOf(space, name);
    values[name] = points[rest % points.length] as ParamValue;
    rest = Math.floor(rest / points.length);
  }
  const inOrder = namesOf(space).filter((name) => values[name] !== undefined);
  return Object.fromEntries(inOrder.map((name) => [name, values[name] as ParamValue]));
}

function gridOf(space: Space, name: string): ParamValue[] | undefined {
  return axisOf(domainOf(space, name)).points();
}

function pointsOf(space: Space, name: string): ParamValue[] {
  const points = treeOf(space).axes[namesOf(space).indexOf(name)]?.points();
  if (points !== undefined) return points;
  const [complaint] = grid.complaints(space);
  throw complaint === undefined ? new TypeError(`${name} has no grid.`) : complaintError(complaint);
}
