import { type BlobRef, type BlobStore, Report, type TaskResult } from "@manyfold/protocol";
import type { TaskOutput } from "./outcome.ts";

/** Stores a task's bytes and gives the result that names them; they are durable when it resolves. */
export async function store(blobs: BlobStore, output: TaskOutput): Promise<TaskResult> {
  if ("value" in output) {
    const { checkpoint, reported, ...said } = output;
    const saved = checkpoint && (await blobs.put(checkpoint));
    return { ...said, reported: [...reported], ...(saved && { checkpoint: saved }) };
  }
  const { predictions, parameters, curve, epoch, stopped } = output;
  const named = Report.options.map(async (report): Promise<[Report, BlobRef] | undefined> => {
    const bytes = predictions[report];
    return bytes === undefined ? undefined : [report, await blobs.put(bytes)];
  });
  const rest = output.checkpoint && blobs.put(output.checkpoint);
  const [weights, ...refs] = await Promise.all([blobs.put(output.weights), ...named]);
  const checkpoint = await rest;
  return {
    weights,
    parameters,
    predictions: Object.fromEntries(refs.filter((ref) => ref !== undefined)),
    curve: [...curve],
    epoch,
    stopped,
    ...(checkpoint && { checkpoint }),
  };
}
