import { z } from "zod";
import { Failure } from "./failure.ts";
import { Hash } from "./hash.ts";
import { CurvePoint, TaskResult } from "./task.ts";

const of = { task: Hash, attempt: z.int().min(1), worker: z.string() };

/**
 * What an executor says about attempts. Each attempt ends in exactly one `completed` or `failed`;
 * blobs named by a completed result are already in the blob store.
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
  }),
  z.strictObject({ type: z.literal("failed"), ...of, failure: Failure, seconds: z.number() }),
]);
export type TaskEvent = z.infer<typeof TaskEvent>;
