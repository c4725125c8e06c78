import type { DrawSpec, EnsembleSpec } from "@manyfold/protocol";
import { match } from "@manyfold/protocol";

/** One network to train: its member number and what it trains on. */
export interface Unit {
  readonly member: number;
  readonly draw: DrawSpec;
}

const EVERYTHING: DrawSpec = { sample: { all: {} }, features: 1 };

/** The networks of an experiment's final fit, or of one cell whose trials are ensembles. */
export function unitsOf(ensemble: EnsembleSpec | undefined): Unit[] {
  const { count, draw } = plural(ensemble);
  return Array.from({ length: count }, (_, member) => ({ member, draw }));
}

/** What all members of an ensemble have in common. */
export function drawOf(ensemble: EnsembleSpec | undefined): DrawSpec {
  return plural(ensemble).draw;
}

/** Whether members leave rows out that can score them. */
export function hasOutOfBag(draw: DrawSpec): boolean {
  return match(draw.sample, {
    all: () => false,
    bootstrap: () => true,
    subsample: ({ fraction }) => fraction < 1,
  });
}

function plural(ensemble: EnsembleSpec | undefined): { count: number; draw: DrawSpec } {
  if (ensemble?.bagging) {
    const { members, sample, features } = ensemble.bagging;
    return { count: members, draw: { sample, features } };
  }
  if (ensemble?.initOnly) return { count: ensemble.initOnly.members, draw: EVERYTHING };
  if (ensemble?.dropout) return { count: ensemble.dropout.networks, draw: EVERYTHING };
  return { count: 1, draw: EVERYTHING };
}
