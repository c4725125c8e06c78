import { z } from "zod";
import { tagged } from "./tagged.ts";

const Floor = z.number().min(0).max(1);
const Share = z.number().gt(0).max(1);
const Falls = z.number().gt(0).lt(1);
const Epochs = z.int().min(1).max(1_000_000);

const PLAIN = {
  constant: z.strictObject({}),
  linear: z.strictObject({
    to: Floor.default(0.01).describe("Final factor on the learning rate."),
    over: Share.default(1).describe(
      "Share of all steps after which the final factor is reached (tau).",
    ),
  }),
  cosine: z.strictObject({
    to: Floor.default(0).describe("Final factor on the learning rate."),
    cycles: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe("Times that the factor starts again from 1 (warm restarts); default 1."),
    stretch: z
      .number()
      .min(1)
      .max(10)
      .optional()
      .describe("How much longer each cycle is than the one before; default 1."),
  }),
  step: z
    .strictObject({
      every: Epochs.default(10).describe("Epochs between two falls."),
      by: Falls.default(0.1).describe("Factor of each fall."),
    })
    .describe("Falls by a factor every so many epochs."),
  exponential: z
    .strictObject({ by: Falls.default(0.95).describe("Factor per epoch.") })
    .describe("Falls by a factor each epoch, a little each step."),
  inverse: z
    .strictObject({
      after: z
        .number()
        .gt(0)
        .max(1_000_000)
        .default(1)
        .describe("Epochs at the full rate (tau); from then on it is tau / t."),
    })
    .describe("1/t: Robbins and Monro's sum of rates diverges, that of their squares does not."),
  oneCycle: z
    .strictObject({
      from: Floor.default(0.04).describe("First factor on the learning rate."),
      to: Floor.default(0.000_004).describe("Last factor."),
      peak: z.number().gt(0).lt(1).default(0.3).describe("Share of all steps up to the full rate."),
    })
    .describe("Up to the full rate and down again by cosines (Smith 2018)."),
  plateau: z
    .strictObject({
      by: Falls.default(0.1).describe("Factor of each fall."),
      patience: Epochs.default(5).describe("Epochs without improvement before a fall."),
      minDelta: z.number().min(0).default(0).describe("Smallest fall of the loss that counts."),
      to: Floor.default(0.000_1).describe("Smallest factor."),
    })
    .describe("Falls when the held-out loss (the training loss, if no rows are held) stays up."),
};

/** How the learning rate changes over training; a factor on the optimizer's `lr`. */
export const Schedule = tagged(
  {
    ...PLAIN,
    warmUp: z
      .strictObject({
        over: Share.default(0.05).describe("Share of all steps in which the rate rises."),
        from: Floor.default(0).describe("First factor."),
        into: tagged(PLAIN, { bare: true, description: "What it is multiplied by." }).default({
          constant: {},
        }),
      })
      .describe("A linear rise at the start, times another schedule."),
  },
  { bare: true, description: "How the learning rate changes over the training's steps." },
);
export type Schedule = z.infer<typeof Schedule>;

/** How the momentum of `momentum` and `nesterov` changes over training. */
export const MomentumSchedule = tagged(
  {
    linear: z
      .strictObject({
        from: z.number().min(0).lt(1).default(0.5).describe("First momentum."),
        over: Share.default(1).describe("Share of all steps up to the optimizer's momentum."),
      })
      .describe("Rises or falls in a line to the optimizer's momentum."),
    sutskever: z
      .strictObject({
        steps: z.int().min(1).default(250).describe("Steps of each stair."),
      })
      .describe("1 - 2^(-1 - log2(floor(t / 250) + 1)), at most the optimizer's (Sutskever 2013)."),
    oneCycle: z
      .strictObject({
        low: z.number().min(0).lt(1).default(0.85).describe("Momentum at the full rate."),
        peak: z.number().gt(0).lt(1).default(0.3).describe("Share of all steps down to it."),
      })
      .describe("Down and up again by cosines, against schedule: oneCycle."),
  },
  { bare: true, description: "How the momentum changes over the training's steps." },
);
export type MomentumSchedule = z.infer<typeof MomentumSchedule>;
