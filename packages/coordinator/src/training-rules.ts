import type { Experiment, TrainSpec } from "@manyfold/protocol";
import { tagOf } from "@manyfold/protocol";
import type { Rule } from "./rule.ts";

const MOMENTUM: readonly string[] = ["momentum", "nesterov"];
const PLAIN: readonly string[] = ["sgd", ...MOMENTUM];

/** What the parts of `train` ask of each other and of the data. */
export const TRAINING_RULES: readonly Rule[] = [
  {
    path: ["train", "momentumSchedule"],
    broken: ({ train }) =>
      train.momentumSchedule !== undefined && !MOMENTUM.includes(tagOf(train.optimizer)),
    condition: "left out but for optimizer: momentum or nesterov",
    got: ({ train }) => train.momentumSchedule && tagOf(train.momentumSchedule),
    help: "The other rules have no momentum of their own to change.",
  },
  {
    path: ["train", "regularizers"],
    broken: ({ train }) =>
      train.regularizers.some((one) => "proximalL1" in one) &&
      !PLAIN.includes(tagOf(train.optimizer)),
    condition: "without proximalL1 but for optimizer: sgd, momentum or nesterov",
    got: optimizerOf,
    help: "The proximal step shrinks by the learning rate; rules with a rate per weight have no one rate. Use l1.",
  },
  {
    path: ["train", "noise", "labels"],
    broken: ({ data, train }) =>
      train.noise?.labels !== undefined &&
      (data.task === "regression" || train.loss === "squaredError"),
    condition: "left out but for a classification by cross-entropy",
    got: ({ train }) => train.noise?.labels,
    help: "Label smoothing is about probabilities of classes.",
  },
];

function optimizerOf({ train }: Experiment): ReturnType<typeof tagOf<TrainSpec["optimizer"]>> {
  return tagOf(train.optimizer);
}
