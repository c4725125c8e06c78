import {
  nearest,
  show,
  type ConfigComplaint,
  type SearchSpec,
  type Space,
} from "@manyfold/protocol";
import { ConstraintError, constraintOf } from "./constraint.ts";
import { axisOf } from "./space.ts";
import { domainOf, meets, namesOf } from "./tree.ts";

/** Conditions of parameters that no setting can meet: unknown names, circles, values nobody has. */
export function conditionComplaints(space: Space): ConfigComplaint[] {
  const names = namesOf(space);
  return names.flatMap((name) =>
    Object.entries(domainOf(space, name).when ?? {}).flatMap(
      ([other, wanted]): ConfigComplaint[] => {
        const path = ["search", "space", name, "when", other];
        const domain = space[other];
        if (domain === undefined) {
          const near = nearest(other, names);
          const help = near === undefined ? undefined : `Did you mean ${near}?`;
          const condition = "another parameter of the space";
          return [{ path, at: "key", condition, got: show(other), ...(help && { help }) }];
        }
        if (dependsOn(space, other, name)) {
          const condition = "a parameter that does not depend on this one";
          return [{ path, at: "key", condition, got: show(other) }];
        }
        const axis = axisOf(domain);
        const isList = axis.kind === "unordered" || "categorical" in domain;
        const possible = isList
          ? axis.probes().some((value) => meets(wanted, value))
          : typeof wanted === "object" && !Array.isArray(wanted)
            ? (wanted.min ?? -Infinity) <= Number(axis.decode(axis.high)) &&
              (wanted.max ?? Infinity) >= Number(axis.decode(axis.low))
            : [wanted].flat().some((value) => axis.has(value));
        if (possible) return [];
        const condition = `something that ${other} can be`;
        return [{ path, at: "value", condition, got: show(wanted) }];
      },
    ),
  );
}

function dependsOn(space: Space, name: string, on: string, seen = new Set<string>()): boolean {
  if (name === on) return true;
  if (seen.has(name)) return false;
  seen.add(name);
  return Object.keys(space[name]?.when ?? {}).some((other) => dependsOn(space, other, on, seen));
}

/** Constraints that are none, or that name what the space does not have. */
export function constraintComplaints({ constraints, space }: SearchSpec): ConfigComplaint[] {
  const names = namesOf(space);
  return (constraints ?? []).flatMap((text, index): ConfigComplaint[] => {
    const path = ["search", "constraints", index];
    try {
      const unknown = constraintOf(text).names.find((name) => !names.includes(name));
      if (unknown === undefined) return [];
      const near = nearest(unknown, names);
      const help =
        near === undefined
          ? "A constraint is about parameters of search.space."
          : `Did you mean ${near}?`;
      const condition = "over parameters of the space";
      return [{ path, at: "value", condition, got: unknown, help }];
    } catch (error) {
      if (!(error instanceof ConstraintError)) throw error;
      const condition = `a constraint with ${error.wanted} at character ${error.at + 1}`;
      return [{ path, at: "value", condition, got: show(text) }];
    }
  });
}
