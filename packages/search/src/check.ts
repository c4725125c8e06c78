import { key } from "@manyfold/core";
import {
  complaintError,
  ManyfoldError,
  show,
  type ConfigComplaint,
  type Experiment,
  type ParamValue,
  type SearchSpec,
  type Space,
} from "@manyfold/protocol";
import { conditionComplaints, constraintComplaints } from "./conditions.ts";
import { drawn, MOST_DRAWS } from "./random.ts";
import { pathComplaints, tryParams } from "./params.ts";
import { allowsOf } from "./constraint.ts";
import { samplerComplaints } from "./samplers.ts";
import { axisOf } from "./space.ts";
import { domainOf, meets, namesOf } from "./tree.ts";

/**
 * What is wrong with an experiment's search: names that are no paths, ranges with values that are no
 * valid settings, a grid without steps, no number of trials. Empty without a search. Each complaint
 * has the place to point to in the configuration's file.
 */
export function searchComplaints(experiment: Experiment): ConfigComplaint[] {
  const { search } = experiment;
  if (search === undefined) return [];
  const names = namesOf(search.space);
  const declared = [...conditionComplaints(search.space), ...constraintComplaints(search)];
  // Only what can be met at all can be looked up.
  if (declared.length > 0) return declared;
  return [
    ...names.flatMap((name) => parameterComplaints(experiment, search, name)),
    ...(experiment.objective ? [] : overlapComplaints(search.space)),
    ...(experiment.objective ? [] : subjectComplaints(search, names)),
    ...samplerComplaints(search),
    ...emptyComplaints(search),
    ...settingComplaints(experiment, search),
  ];
}

/** Enqueued settings whose values are none together. */
function settingComplaints(experiment: Experiment, { enqueue = [] }: SearchSpec) {
  return enqueue.flatMap((setting, index): ConfigComplaint[] => {
    const tried = tryParams(experiment, setting);
    if (!Array.isArray(tried)) return [];
    const path = ["search", "enqueue", index];
    return tried.slice(0, 1).map((complaint) => ({ ...complaint, path, at: "value" }));
  });
}

/**
 * Refuses an experiment whose search could start an invalid trial.
 *
 * @throws ManyfoldError with all complaints
 */
export function checkSearch(experiment: Experiment): void {
  const [first] = searchComplaints(experiment);
  if (first !== undefined) throw complaintError(first);
}

function parameterComplaints(
  experiment: Experiment,
  { space }: SearchSpec,
  name: string,
): ConfigComplaint[] {
  const domain = space[name];
  // A place may exist only where the parameters that this one depends on have their values.
  const within = Object.fromEntries(premises(space, name));
  const premised = Object.keys(within).length > 0 ? tryParams(experiment, within) : experiment;
  if (Array.isArray(premised)) return [];
  const unknown = pathComplaints(premised, name);
  if (domain === undefined || unknown.length > 0) return unknown;
  const axis = axisOf(domain);
  const values = "categorical" in domain ? domain.categorical : [];
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined) {
    const path = ["search", "space", name, "categorical"];
    return [{ path, at: "value", condition: "different values", got: `${show(twice)} twice` }];
  }
  // One parameter at a time, and one complaint for each is enough.
  for (const value of axis.probes()) {
    const tried = tryParams(premised, { [name]: value });
    if (Array.isArray(tried)) return tried.slice(0, 1);
  }
  return [];
}

/** Values of the parameters that a parameter depends on, with which it counts; parents first. */
function premises(space: Space, name: string): [string, ParamValue][] {
  return Object.entries(space[name]?.when ?? {}).flatMap(([other, wanted]) => {
    const domain = space[other];
    if (domain === undefined || other === name) return [];
    const axis = axisOf(domain);
    const found = [wanted, axis.decode(axis.low), axis.decode(axis.high), ...axis.probes()]
      .flat()
      .find((value) => typeof value !== "object" && meets(wanted, value) && axis.has(value));
    if (found === undefined || typeof found === "object") return [];
    return [...premises(space, other), [other, found]];
  });
}

/** Constraints of which no setting was found that keeps them. */
function emptyComplaints(search: SearchSpec): ConfigComplaint[] {
  const allows = allowsOf(search);
  if (allows === undefined) return [];
  const path = ["search", "constraints"];
  try {
    drawn(key(0), search.space, 0, allows);
  } catch (error) {
    if (!(error instanceof ManyfoldError)) throw error;
    const condition = "kept by some setting of the space";
    const got = `none of ${MOST_DRAWS} random ones`;
    return [{ path, at: "value", condition, got, help: "Widen the space or the constraints." }];
  }
  return [];
}

/**
 * Two parameters of which one lies inside the other would overwrite each other, unless the inner one
 * counts only with values of the outer one.
 */
function overlapComplaints(space: Space): ConfigComplaint[] {
  const names = namesOf(space);
  return names.flatMap((name) => {
    const outer = names.find(
      (other) =>
        name.startsWith(`${other}.`) && !Object.hasOwn(domainOf(space, name).when ?? {}, other),
    );
    if (outer === undefined) return [];
    const condition = `outside of ${outer}, which is searched too`;
    const path = ["search", "space", name];
    return [{ path, at: "key" as const, condition, got: show(name) }];
  });
}

/** A trial of one network does not see what is searched in the ensemble. */
function subjectComplaints({ each }: SearchSpec, names: readonly string[]): ConfigComplaint[] {
  const unseen = names.find((name) => name.startsWith("ensemble."));
  if (each === "ensemble" || unseen === undefined) return [];
  const condition = `ensemble where the space holds ${unseen}`;
  const help =
    "With each: model a trial is one network, and the ensemble's settings change nothing.";
  return [{ path: ["search", "each"], at: "value", condition, got: show(each), help }];
}
