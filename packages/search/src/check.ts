import {
  complaintError,
  show,
  type ConfigComplaint,
  type Experiment,
  type SearchSpec,
} from "@manyfold/protocol";
import { pathComplaints, tryParams } from "./params.ts";
import { samplerComplaints } from "./samplers.ts";
import { axisOf, namesOf } from "./space.ts";

/**
 * What is wrong with an experiment's search: names that are no paths, ranges with values that are no
 * valid settings, a grid without steps, no number of trials. Empty without a search. Each complaint
 * has the place to point to in the configuration's file.
 */
export function searchComplaints(experiment: Experiment): ConfigComplaint[] {
  const { search } = experiment;
  if (search === undefined) return [];
  const names = namesOf(search.space);
  return [
    ...names.flatMap((name) => parameterComplaints(experiment, search, name)),
    ...overlapComplaints(names),
    ...subjectComplaints(search, names),
    ...samplerComplaints(search),
  ];
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
  const unknown = pathComplaints(experiment, name);
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
    const tried = tryParams(experiment, { [name]: value });
    if (Array.isArray(tried)) return tried.slice(0, 1);
  }
  return [];
}

/** Two parameters of which one lies inside the other would overwrite each other. */
function overlapComplaints(names: readonly string[]): ConfigComplaint[] {
  return names.flatMap((name) => {
    const outer = names.find((other) => name.startsWith(`${other}.`));
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
