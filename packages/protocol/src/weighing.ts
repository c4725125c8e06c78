import { z } from "zod";

/**
 * What a growing bag knew after a step (`ensemble.stop`): the gain still to be had from more members,
 * out of bag, against what is tolerated.
 */
export const Weighing = z.strictObject({
  /** Members asked for by then; the bag ends here if they are enough. */
  members: z.int().min(1),
  /** Out-of-bag estimates from those that were trained; null where they were too few for any. */
  estimate: z
    .strictObject({
      k: z.int().min(1),
      v: z.number(),
      c: z.number(),
      /** (v - c) / k. */
      gain: z.number(),
      /** `tolerance` times c. */
      allowed: z.number(),
      /** The gain is below this, against `allowed` as it stands, with `ensemble.stop.confidence`. */
      upper: z.number(),
    })
    .nullable(),
  enough: z.boolean(),
});
export type Weighing = z.infer<typeof Weighing>;
