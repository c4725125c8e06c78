import type { BlobRef, EnsembleSpec, TrainSpec } from "@manyfold/protocol";
import { taskId } from "@manyfold/protocol";
import type { Wanted } from "./plan.ts";
import type { RunState } from "./state.ts";
import { outcomeOf } from "./state.ts";

/**
 * How a network is trained whose snapshots are members: in as many cycles of a cosine, each from the
 * full rate to 0 (Huang et al. 2017, equation 2; warm restarts of Loshchilov and Hutter 2017).
 */
export function cyclic(train: TrainSpec, { members }: Snapshots): TrainSpec {
  return { ...train, schedule: { cosine: { to: 0, cycles: members } } };
}

/**
 * The tasks of snapshots, as far as they are known: each is the part of its training up to the end
 * of a cycle, from the checkpoint that the part before left, so that no epoch is trained twice and
 * any worker goes on. Behind one that has not ended, or that failed, there is nothing yet.
 *
 * @param whole a task for each snapshot as if it were trained by itself, those of a training in a row
 */
export function snapshotTasks(
  state: RunState,
  { members }: Snapshots,
  whole: readonly Wanted[],
): Wanted[] {
  const known: Wanted[] = [];
  for (let first = 0; first < whole.length; first += members) {
    let from: BlobRef | undefined;
    for (const [cycle, { key, spec }] of whole.slice(first, first + members).entries()) {
      if (spec.kind !== "train" || (cycle > 0 && from === undefined)) break;
      const until = (spec.train.epochs / members) * (cycle + 1);
      const part = { ...spec, part: { until, ...(from && { from }) } };
      const id = taskId(part);
      known.push({ key, id, spec: part });
      const outcome = outcomeOf(state, id);
      from = outcome && "weights" in outcome ? outcome.checkpoint : undefined;
    }
  }
  return known;
}

type Snapshots = NonNullable<EnsembleSpec["snapshots"]>;
