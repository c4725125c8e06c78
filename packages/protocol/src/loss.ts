import { z } from "zod";
import { named } from "./tagged.ts";

const LOSS_NAMES = [
  "auto",
  "squaredError",
  "binaryCrossEntropy",
  "softmaxCrossEntropy",
  "absoluteError",
  "mixtureNll",
] as const;

const LOSS_OPTIONS = {
  huber: z
    .strictObject({
      delta: z
        .number()
        .gt(0)
        .max(1e6)
        .default(1)
        .describe("Error from which on it is linear, in scaled target units."),
    })
    .describe("Squared near 0, absolute beyond delta (Huber 1964)."),
  gaussianNll: z
    .strictObject({
      beta: z
        .number()
        .min(0)
        .max(1)
        .default(0)
        .describe(
          "Weights each row by its variance to this power: 0 is likelihood, 0.5 beta-NLL, 1 fits means as squared error does.",
        ),
    })
    .describe("Negative log likelihood of a gaussian output (beta: Seitzer 2022)."),
};

/** The loss of one target among several, or of one head among several. */
export const OwnLoss = named(LOSS_NAMES, LOSS_OPTIONS, { description: "This target's loss." });

/** How much a loss counts beside others. */
export const LossWeight = z
  .number()
  .min(0)
  .max(1e6)
  .default(1)
  .describe("What its loss is multiplied by.");

/** The loss of one of several targets, and how much it counts. */
const TargetLoss = z.strictObject({ loss: OwnLoss.default("auto"), weight: LossWeight });

/** Loss minimised; `auto` follows from the output head by maximum likelihood. */
export const Loss = named(
  LOSS_NAMES,
  {
    ...LOSS_OPTIONS,
    perTarget: z
      .array(TargetLoss)
      .min(1)
      .max(1024)
      .describe(
        "Several targets on one trunk (multi-task): a loss and a weight for each, in the order of data.target; the sum is minimised.",
      ),
  },
  {
    description:
      "Loss minimised; auto: squared error, cross-entropy or negative log likelihood by output.",
  },
);
export type Loss = z.infer<typeof Loss>;
