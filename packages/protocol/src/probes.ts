import { z } from "zod";

/** What is measured while training, for the learning curve; changes no weight. */
export const Probes = z
  .strictObject({
    every: z.int().min(1).default(1).describe("Epochs from one measurement to the next."),
    rows: z
      .int()
      .min(8)
      .max(4096)
      .default(256)
      .describe("Training rows that are measured, at most."),
  })
  .describe("Measurements of gradients, curvature and activations, kept with the learning curve.");
export type Probes = z.infer<typeof Probes>;

/** The measurements after one epoch, on some training rows, without dropout, noise or penalties. */
export const ProbePoint = z.strictObject({
  /** Norm of the mean loss's gradient. */
  gradient: z.number(),
  /** epsilon g'g, what a step of the present rate gains by the slope. */
  slope: z.number(),
  /** epsilon^2 g'Hg / 2, what the curvature takes back; above `slope` the step raises the loss. */
  curvature: z.number(),
  /** g'g / g'Hg, the best rate along the gradient; null where the loss curves down. */
  bestRate: z.number().nullable(),
  /** Rows beyond which larger batches gain little: tr Sigma / |G|^2; null where noise hides G. */
  noiseScale: z.number().nullable(),
  /** Per layer that learns, from input to output. */
  layers: z.array(
    z.strictObject({
      name: z.string(),
      gradient: z.number(),
      /** Of hidden units: share that gave one and the same value for all rows. */
      dead: z.number().optional(),
      /** Share of activations within 1 % of a bound of their function. */
      saturated: z.number().optional(),
      /** Share of activations beyond 0.01 in size. */
      active: z.number().optional(),
    }),
  ),
});
export type ProbePoint = z.infer<typeof ProbePoint>;
