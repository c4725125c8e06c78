import type { Table } from "@manyfold/data";
import { drawFrom, rowsOf } from "@manyfold/data";
import type { Drawn } from "@manyfold/ensemble";
import type {
  ArtifactMember,
  BlobStore,
  EnsembleSpec,
  Experiment,
  Hash,
  MemberRow,
  TrainResult,
  TrainTask,
} from "@manyfold/protocol";
import { blobOf, floatsOf, inTurn } from "./blobs.ts";
import type { Wanted } from "./plan.ts";
import type { RunState } from "./state.ts";
import { outcomeOf } from "./state.ts";

/** A network that the final fit trained. */
export interface Trained {
  readonly id: Hash;
  /** Its member number; several members may come from the training that the spec numbers. */
  readonly member: number;
  readonly spec: TrainTask;
  readonly result: TrainResult;
}

/** The tasks of a list that were completed, in task order. */
export function trainedOf(state: RunState, wanted: readonly Wanted[]): Trained[] {
  return wanted.flatMap(({ id, spec, key }) => {
    const outcome = outcomeOf(state, id);
    return outcome && "weights" in outcome && spec.kind === "train"
      ? [{ id, member: key.unit, spec, result: outcome }]
      : [];
  });
}

/** How each task of the final fit ended, for the report. */
export function memberRows(state: RunState, wanted: readonly Wanted[]): MemberRow[] {
  return wanted.flatMap(({ id, key: { unit: member } }): MemberRow[] => {
    const outcome = outcomeOf(state, id);
    if (!outcome || "value" in outcome) return [];
    if ("weights" in outcome) {
      const { epoch, curve } = outcome;
      return [{ member, task: id, state: "completed", epoch, curve }];
    }
    const { permanent: _, ...failure } = outcome;
    return [{ member, task: id, state: "failed", failure }];
  });
}

/** The weights of trained networks, in their order. */
export async function weightsOf(
  trained: readonly Trained[],
  blobs: BlobStore,
): Promise<Float32Array[]> {
  return inTurn(trained, async ({ result }) => floatsOf(await blobOf(blobs, result.weights.hash)));
}

/** The members that trained networks give: each one, or each of its thinned networks. */
export function artifactMembers(
  trained: readonly Trained[],
  table: Table,
  ensemble: EnsembleSpec | undefined,
): ArtifactMember[] {
  const masks = ensemble?.dropout?.masks;
  return trained.flatMap(({ id, member: number, spec }, network): ArtifactMember[] => {
    const member = { network, unit: spec.member, task: id, features: featuresOf(spec, table) };
    if (masks === undefined) return [{ ...member, member: number, mask: null }];
    return Array.from({ length: masks }, (_, mask) => ({
      ...member,
      member: number * masks + mask,
      mask,
    }));
  });
}

/** The rows of each network of a bag of bootstraps; undefined for other ensembles. */
export function drawnRows(
  trained: readonly Trained[],
  table: Table,
  { ensemble, train }: Experiment,
): Drawn | undefined {
  const sample = ensemble?.bagging?.sample;
  // A holdout of its own leaves each member other rows to draw from.
  if (!sample || !("bootstrap" in sample) || train.earlyStopping?.on === "holdout")
    return undefined;
  const trainRows = rowsOf(table, "train");
  const rows = trained.map(({ spec }) => {
    const draw = { ...spec, earlyStopping: spec.train.earlyStopping };
    return drawFrom(draw, table).rows;
  });
  return { rows, among: trainRows.length };
}

function featuresOf(spec: TrainTask, table: Table): number[] | null {
  const draw = { ...spec, earlyStopping: spec.train.earlyStopping };
  const { features } = drawFrom(draw, table);
  return features === undefined ? null : Array.from(features);
}
