import { decodeTable, rowsOf } from "@manyfold/data";
import { gainOf, outOfBag, truthOf } from "@manyfold/ensemble";
import type { BlobStore, EnsembleSpec, Hash, RunResult, Weighing } from "@manyfold/protocol";
import { blobOf } from "./blobs.ts";
import { trainedOf } from "./networks.ts";
import { outOfBagMembers } from "./out-of-bag.ts";
import { finalExperiment, finalTasks } from "./plan.ts";
import type { RunState } from "./state.ts";
import { outcomeOf } from "./state.ts";
import { isSearched } from "./trials.ts";

/** Whether all members up to the next look have ended, and nobody has looked yet. */
export function isWeighingDue(state: RunState, inFlight?: Pick<ReadonlySet<Hash>, "has">): boolean {
  // Asked after every result, mostly in vain.
  if (!state.experiment.ensemble?.stop || !isSearched(state)) return false;
  const ensemble = finalExperiment(state)?.ensemble;
  if (!ensemble?.stop) return false;
  const tasks = finalTasks(state);
  const last = state.weighed.at(-1);
  if (tasks.length === 0 || last?.enough || tasks.length === last?.members) return false;
  if (tasks.length % ensemble.stop.step !== 0) return false;
  return tasks.every(({ id }) => !inFlight?.has(id) && outcomeOf(state, id) !== undefined);
}

/**
 * What more members would gain, out of bag: a function of the results so far alone.
 *
 * @throws MissingBlob
 */
export async function weigh(state: RunState, blobs: BlobStore): Promise<Weighing> {
  const final = finalExperiment(state);
  const tasks = finalTasks(state);
  const members = tasks.length;
  const rule = final?.ensemble?.stop;
  if (!final || !rule) throw new TypeError("This bag does not grow in steps.");
  const { table: ref, preprocessing } = state.data.final;
  const { target } = preprocessing;
  const table = decodeTable(await blobOf(blobs, ref.hash), ref);
  const own = await outOfBagMembers(trainedOf(state, tasks), table, blobs);
  if (own.length === 0) return { members, estimate: null, enough: false };
  const oob = outOfBag(target, own, rowsOf(table, "train"), final.model.output);
  if (oob.rows.length === 0) return { members, estimate: null, enough: false };
  const found = gainOf(oob.members, truthOf(target, table.y, oob.rows), rule);
  if (found === null) return { members, estimate: null, enough: false };
  const { enough, ...estimate } = found;
  return { members, estimate, enough };
}

/** How a bag grew, for its report; undefined where it did not grow in steps. */
export function growthOf(state: RunState): RunResult["growth"] {
  const ensemble = finalExperiment(state)?.ensemble;
  if (!ensemble?.stop || !ensemble.bagging) return undefined;
  const looks = [...state.weighed];
  return { looks, ended: sentenceOf(ensemble.stop, ensemble.bagging.members, looks) };
}

function sentenceOf(
  { tolerance, confidence }: NonNullable<EnsembleSpec["stop"]>,
  most: number,
  looks: readonly Weighing[],
): string {
  const last = looks.at(-1);
  const sure = `${share(confidence)} confidence`;
  if (last?.enough && last.estimate) {
    const { gain, allowed } = last.estimate;
    return `Stopped at ${last.members} members: all further ones together would gain about ${short(gain)}, which with ${sure} is no more than ${share(tolerance)} of the floor, ${short(allowed)}.`;
  }
  if (!last?.estimate)
    return `Ended at ${most} members, the most there may be: too few for a look.`;
  const { gain, upper, allowed } = last.estimate;
  return `Ended at ${most} members, the most there may be, without being enough: after ${last.members}, further ones would gain about ${short(gain)}, with ${sure} up to ${short(upper)}, and ${short(allowed)} (${share(tolerance)} of the floor) were tolerated.`;
}

function share(value: number): string {
  return `${Number((100 * value).toPrecision(3))} %`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
