import type { Experiment } from "@manyfold/protocol";
import { ManyfoldError } from "@manyfold/protocol";

/** What a resume adds to an experiment; undefined where it adds nothing. */
export function growthOf(
  { ensemble, search }: Experiment,
  asked: { readonly members?: number; readonly trials?: number },
  stopped = false,
): { members?: number; trials?: number } | undefined {
  const members = more(
    "--members",
    asked.members,
    ensemble?.bagging?.members ?? ensemble?.initOnly?.members ?? ensemble?.dropout?.masks,
    "an experiment with an ensemble",
  );
  if (members !== undefined && search?.each === "ensemble") {
    throw new ManyfoldError({
      code: "usage",
      path: "--members",
      condition: "left out where trials are ensembles (search.each: ensemble)",
      got: String(members),
      help: "Their values are those of the ensembles they were; start a new run.",
    });
  }
  const grown = more("--trials", asked.trials, search?.trials, "a search with trials");
  // One that a budget ended goes on with the trials that it had left, and with its budget anew.
  const trials = grown ?? (stopped ? asked.trials : undefined);
  if (members === undefined && trials === undefined) return undefined;
  return {
    ...(members === undefined ? {} : { members }),
    ...(trials === undefined ? {} : { trials }),
  };
}

function more(
  option: string,
  asked: number | undefined,
  now: number | undefined,
  needs: string,
): number | undefined {
  if (asked === undefined || asked === now) return undefined;
  if (now === undefined) {
    throw new ManyfoldError({
      code: "usage",
      path: option,
      condition: `left out but for ${needs}`,
      got: String(asked),
    });
  }
  if (asked < now) {
    throw new ManyfoldError({
      code: "usage",
      path: option,
      condition: `at least the run's ${now}`,
      got: String(asked),
      help: "A run can grow; what it has done is not taken back.",
    });
  }
  return asked;
}
