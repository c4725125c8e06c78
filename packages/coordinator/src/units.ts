import { leavesRowsOut } from "@manyfold/data";
import type { DrawSpec, EnsembleSpec, Weighing } from "@manyfold/protocol";

/** One network: its member number and what it trains on. */
export interface Unit {
  readonly member: number;
  /** The number of its training, where that is another: several members may come from one. */
  readonly training?: number;
  readonly draw: DrawSpec;
}

const EVERYTHING: DrawSpec = { sample: { all: {} }, features: 1 };

/** The networks of an experiment's final fit, or of one cell whose trials are ensembles. */
export function unitsOf(ensemble: EnsembleSpec | undefined): Unit[] {
  const { count, draw } = plural(ensemble);
  const each = ensemble?.snapshots?.members;
  return Array.from({ length: count }, (_, member) => ({
    member,
    draw,
    ...(each !== undefined && { training: Math.floor(member / each) }),
  }));
}

/**
 * Members that a final fit wants by now: all, or with `ensemble.stop` those up to the next look. Looks
 * are at whole multiples of the step, whatever the most is, so that a bag whose most was raised later
 * ends where it would have ended at once.
 */
export function membersWanted(
  ensemble: EnsembleSpec | undefined,
  weighed: readonly Weighing[],
): number {
  const most = plural(ensemble).count;
  if (!ensemble?.stop) return most;
  const last = weighed.at(-1);
  if (last?.enough) return Math.min(most, last.members);
  return Math.min(most, (last?.members ?? 0) + ensemble.stop.step);
}

/** What all members of an ensemble have in common. */
export function drawOf(ensemble: EnsembleSpec | undefined): DrawSpec {
  return plural(ensemble).draw;
}

/** Whether members leave rows out that can score them. */
export function hasOutOfBag(draw: DrawSpec): boolean {
  return leavesRowsOut(draw.sample);
}

function plural(ensemble: EnsembleSpec | undefined): { count: number; draw: DrawSpec } {
  if (ensemble?.bagging) {
    const { members, sample, features } = ensemble.bagging;
    return { count: members, draw: { sample, features } };
  }
  if (ensemble?.initOnly) return { count: ensemble.initOnly.members, draw: EVERYTHING };
  if (ensemble?.dropout) return { count: ensemble.dropout.networks, draw: EVERYTHING };
  if (ensemble?.snapshots) {
    const { members, networks } = ensemble.snapshots;
    return { count: members * networks, draw: EVERYTHING };
  }
  return { count: 1, draw: EVERYTHING };
}
