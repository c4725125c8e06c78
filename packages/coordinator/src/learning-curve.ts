import type { MemberPredictions, Members, Truth } from "@manyfold/ensemble";
import { firstMembers, learningCurve, membersOf } from "@manyfold/ensemble";
import type { BlobStore, Experiment, LearningCurve } from "@manyfold/protocol";
import { blobOf, floatsOf, inTurn } from "./blobs.ts";
import { trainedOf } from "./networks.ts";
import { curveTasks } from "./plan.ts";
import type { RunState } from "./state.ts";
import { curveMembers } from "./units.ts";

/** What a learning curve is measured against. */
interface Whole {
  readonly final: Experiment;
  /** The ensemble's members on the test rows. */
  readonly members: Members;
  readonly truth: Truth;
  readonly trainRows: number;
}

/** Members of one subset. */
interface Group {
  readonly rows: number;
  readonly predictions: MemberPredictions[];
}

/**
 * The learning curve over the training rows, from ensembles on parts of them and the first members
 * of the whole one; undefined where none is asked for.
 *
 * @throws MissingBlob
 */
export async function learningCurveOf(
  state: RunState,
  blobs: BlobStore,
  { final, members, truth, trainRows }: Whole,
): Promise<LearningCurve | undefined> {
  const tasks = curveTasks(state);
  if (tasks.length === 0) return undefined;
  const { target } = state.data.final.preprocessing;
  const own = await inTurn(trainedOf(state, tasks), async ({ spec, result }) => ({
    within: spec.draw.within,
    member: spec.member,
    values: floatsOf(await blobOf(blobs, result.predictions.test?.hash)),
  }));
  const groups = new Map<string, Group>();
  for (const { within, member, values } of own) {
    const { share = 1, subset = 0 } = within ?? {};
    const name = `${share} ${subset}`;
    const rows = Math.max(1, Math.round(share * trainRows));
    const group = groups.get(name) ?? { rows, predictions: [] };
    group.predictions.push({ member, values });
    groups.set(name, group);
  }
  const parts = [...groups.values()].map(({ rows, predictions }) => ({
    rows,
    members: membersOf(target, predictions, final.model.output),
  }));
  const whole = { rows: trainRows, members: firstMembers(members, curveMembers(final.ensemble)) };
  return learningCurve([...parts, whole], truth);
}
