import { complaintError, show, type ParamValue, type Space } from "@manyfold/protocol";
import { unmoved, type SamplerRule } from "./sampler.ts";
import { axisOf, domainOf, namesOf } from "./space.ts";

/**
 * Every combination. Trial n is the number n in the mixed radix of the parameters' grids, the last
 * name the lowest digit: no list of combinations, nothing twice, resumable at any point.
 */
export const grid: SamplerRule = {
  adaptive: false,
  size: (space) =>
    namesOf(space).reduce((product, name) => product * pointsOf(space, name).length, 1),
  begin: ({ space }) =>
    unmoved((trial) => {
      let rest = trial;
      const digits = namesOf(space)
        .toReversed()
        .map((name): [string, ParamValue] => {
          const points = pointsOf(space, name);
          const value = points[rest % points.length] as ParamValue;
          rest = Math.floor(rest / points.length);
          return [name, value];
        });
      return Object.fromEntries(digits.toReversed());
    }),
  complaints: (space) =>
    namesOf(space)
      .filter((name) => gridOf(space, name) === undefined)
      .map((name) => ({
        path: ["search", "space", name],
        at: "value",
        condition: "a range with steps for sampler: grid",
        got: show(space[name]),
        help: "Add for example steps: 5, or list the values with categorical: [...].",
      })),
};

function gridOf(space: Space, name: string): ParamValue[] | undefined {
  return axisOf(domainOf(space, name)).points();
}

function pointsOf(space: Space, name: string): ParamValue[] {
  const points = gridOf(space, name);
  if (points !== undefined) return points;
  const [complaint] = grid.complaints({ [name]: domainOf(space, name) });
  throw complaint === undefined ? new TypeError(`${name} has no grid.`) : complaintError(complaint);
}
