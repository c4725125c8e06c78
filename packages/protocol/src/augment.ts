import { z } from "zod";

/** Rows of pixels that are moved about. */
export const ImageAugment = z
  .strictObject({
    height: z.int().min(1).max(1024).describe("Rows of pixels; inputs go row by row."),
    width: z.int().min(1).max(1024).describe("Pixels of a row."),
    shift: z.number().min(0).max(512).default(0).describe("Most pixels along each axis."),
    rotate: z.number().min(0).max(180).default(0).describe("Most degrees, to either side."),
    elastic: z
      .number()
      .min(0)
      .max(64)
      .default(0)
      .describe("Most pixels that a smooth random field moves a place by (Simard 2003)."),
    flip: z.boolean().default(false).describe("Left and right are exchanged in half of the rows."),
  })
  .describe("Inputs as one-channel images of height times width, moved anew in every step.");
export type ImageAugment = z.infer<typeof ImageAugment>;

/** New rows from old ones, in every step. */
export const Augment = z
  .strictObject({
    image: ImageAugment.optional(),
    mixup: z
      .number()
      .min(0.05)
      .max(4)
      .optional()
      .describe("Rows are mixed in pairs, by shares from Beta(alpha, alpha) (Zhang 2018)."),
  })
  .describe("Data augmentation, drawn by key; for jitter see noise.inputs.");
export type Augment = z.infer<typeof Augment>;
