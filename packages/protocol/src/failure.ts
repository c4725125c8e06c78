import { z } from "zod";

/** Why an attempt failed. The class decides whether another attempt makes sense. */
export const FailureCode = z.enum([
  "lost",
  "timeout",
  "oom",
  "exception",
  "nan",
  "invalid",
  // The verdict on a task whose every worker was lost; no attempt of it fails so.
  "poison",
]);
export type FailureCode = z.infer<typeof FailureCode>;

/** A failure as data: it crosses threads, processes and files. */
export const Failure = z.strictObject({
  code: FailureCode,
  message: z.string(),
  /** True where no other attempt makes sense: `nan`, `invalid` and `poison`. */
  permanent: z.boolean(),
  /** Epoch (from 1) at which a loss turned non-finite. */
  epoch: z.int().optional(),
  /** First layer, from the input, whose weights or values are non-finite. */
  layer: z.string().optional(),
  /** First op of that layer's computation with such a value, or `weights` where they hold it. */
  op: z.string().optional(),
});
export type Failure = z.infer<typeof Failure>;
