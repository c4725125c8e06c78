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

/** A network of a learning curve, and the part of the rows it learns from. */
export interface CurveUnit extends Unit {
  readonly draw: DrawSpec & Required<Pick<DrawSpec, "within">>;
  /** Which share and subset it is of, from 0. */
  readonly group: number;
}

/** The networks of a learning curve, group by group; their members are numbered as the ensemble's. */
export function curveUnits(ensemble: EnsembleSpec | undefined): CurveUnit[] {
  const spec = ensemble?.learningCurve;
  if (!spec) return [];
  const { draw } = plural(ensemble);
  const shares = [...new Set(spec.shares)].sort((a, b) => a - b);
  return shares.flatMap((share, at) =>
    Array.from({ length: spec.subsets }, (_, subset) => ({ share, subset })).flatMap((within) =>
      Array.from({ length: curveMembers(ensemble) }, (_, member) => ({
        member,
        draw: { ...draw, within },
        group: at * spec.subsets + within.subset,
      })),
    ),
  );
}

/** Members of each ensemble of a learning curve: those that the whole one is sure to have. */
export function curveMembers(ensemble: EnsembleSpec | undefined): number {
  const least = ensemble?.stop?.step ?? Infinity;
  return Math.min(ensemble?.learningCurve?.members ?? 0, plural(ensemble).count, least);
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
