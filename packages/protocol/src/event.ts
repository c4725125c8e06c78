import { z } from "zod";
import { Failure } from "./failure.ts";
import { Hash } from "./hash.ts";
import { CurvePoint, TaskResult } from "./task.ts";

const of = { task: Hash, attempt: z.int().min(1), worker: z.string() };
/** Copies of the attempt that other workers were given because it took too long. */
const copies = z.int().min(1).optional();

/**
 * What an executor says about attempts. Each attempt ends in exactly one `completed` or `failed`;
 * blobs named by a completed result are already in the blob store. An attempt may be given to a second
 * worker as a copy: whoever is done first is the `worker` of its `completed`.
 */
export const TaskEvent = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("started"), ...of }),
  z.strictObject({ type: z.literal("progress"), ...of, point: CurvePoint, epochs: z.int().min(1) }),
  z.strictObject({
    type: z.literal("completed"),
    ...of,
    result: TaskResult,
    /** Time the worker spent on it; never part of a result. */
    seconds: z.number(),
    copies,
  }),
  z.strictObject({
    type: z.literal("failed"),
    ...of,
    failure: Failure,
    seconds: z.number(),
    copies,
    /** The executor itself came to an end: that says nothing of the task, and is no attempt of it. */
    shut: z.literal(true).optional(),
  }),
]);
export type TaskEvent = z.infer<typeof TaskEvent>;
