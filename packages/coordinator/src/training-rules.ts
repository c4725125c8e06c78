import type { Experiment, TrainSpec } from "@manyfold/protocol";
import { isSecondOrder, nameOf, tagOf } from "@manyfold/protocol";
import type { Rule } from "./rule.ts";

const MOMENTUM: readonly string[] = ["momentum", "nesterov"];
const PLAIN: readonly string[] = ["sgd", ...MOMENTUM];

/** What the parts of `train` ask of each other and of the data. */
export const TRAINING_RULES: readonly Rule[] = [
  {
    path: ["train", "momentumSchedule"],
    broken: ({ train }) =>
      train.momentumSchedule !== undefined &&
      !isSecondOrder(train.optimizer) &&
      !MOMENTUM.includes(tagOf(train.optimizer)),
    condition: "left out but for optimizer: momentum or nesterov",
    got: ({ train }) => train.momentumSchedule && tagOf(train.momentumSchedule),
    help: "The other rules have no momentum of their own to change.",
  },
  {
    path: ["train", "regularizers"],
    broken: ({ train }) =>
      train.regularizers.some((one) => "proximalL1" in one) &&
      !isSecondOrder(train.optimizer) &&
      !PLAIN.includes(tagOf(train.optimizer)),
    condition: "without proximalL1 but for optimizer: sgd, momentum or nesterov",
    got: optimizerOf,
    help: "The proximal step shrinks by the learning rate; rules with a rate per weight have no one rate. Use l1.",
  },
  {
    path: ["train", "batch"],
    broken: ({ train }) => isSecondOrder(train.optimizer) && train.batch !== "all",
    condition: "all for a second-order method",
    got: ({ train }) => train.batch,
    help: "Its line search and its curvature need the loss of all rows; minibatches change it at every step.",
  },
  {
    path: (experiment) => dropoutPath(experiment),
    broken: ({ model, train }) => isSecondOrder(train.optimizer) && dropoutAt(model) >= 0,
    condition: "left out with a second-order method",
    got: ({ train }) => `dropout and ${tagOf(train.optimizer)}`,
    help: "A new mask in every step is a new function; a line search needs one.",
  },
  {
    path: ["train", "regularizers"],
    broken: ({ train }) =>
      isSecondOrder(train.optimizer) && train.regularizers.some((one) => !("l2" in one)),
    condition: "l2 alone with a second-order method",
    got: ({ train }) => train.regularizers.map((one) => tagOf(one)).join(", "),
    help: "The others have kinks, move the weights after the step, or (a tie) are for gradient steps.",
  },
  ...(
    [
      "schedule",
      "clip",
      "noise",
      "momentumSchedule",
      "augment",
      "sparsity",
      "adversarial",
      "semi",
    ] as const
  ).map((name): Rule => ({
    path: ["train", name],
    broken: ({ train }) =>
      isSecondOrder(train.optimizer) &&
      train[name] !== undefined &&
      !(name === "schedule" && "constant" in train.schedule),
    condition: "left out with a second-order method",
    got: ({ train }) => train[name],
    help: "A line search finds each step's length on the loss itself.",
  })),
  {
    path: ["data", "scale"],
    broken: ({ data, train }) => train.augment?.image !== undefined && data.scale === "standard",
    condition: "minmax or none with train.augment.image",
    got: ({ data }) => data.scale,
    help: "A pixel that moves to its neighbour's place must mean there what it meant before.",
  },
  {
    path: ["train", "augment", "image"],
    broken: ({ train, ensemble }) =>
      train.augment?.image !== undefined && (ensemble?.bagging?.features ?? 1) < 1,
    condition: "left out where members see some of the inputs only",
    got: ({ ensemble }) => `ensemble.bagging.features: ${ensemble?.bagging?.features}`,
    help: "An image needs all of its pixels.",
  },
  {
    path: (experiment) => unboundedPath(experiment),
    broken: ({ model, train }) => train.sparsity?.kind === "kl" && unboundedAt(model) >= 0,
    condition: "a layer of sigmoid units where train.sparsity.kind is kl",
    got: ({ model }) => tagOf(model.layers[unboundedAt(model)] ?? { dense: {} }),
    help: "The divergence is between shares of time that a unit is on; l1 is for any activation.",
  },
  {
    path: ["train", "semi"],
    broken: ({ data, train }) => train.semi !== undefined && data.unlabelled !== "keep",
    condition: "left out but with data.unlabelled: keep",
    got: semiOf,
    help: "Without it no row is without a target, and there is nothing more to learn from.",
  },
  {
    path: ["model", "heads"],
    broken: ({ model, train }) => model.heads !== undefined && train.semi !== undefined,
    condition: "left out with train.semi",
    got: ({ model }) => model.heads?.map(({ target }) => target).join(", "),
    help: "A row without a target has none of the further ones either; train.pretrain learns from such rows.",
  },
  {
    path: ["data", "unlabelled"],
    broken: ({ data, train }) =>
      data.unlabelled === "keep" && train.semi === undefined && train.pretrain === undefined,
    condition: "error but with train.semi or train.pretrain",
    got: ({ data }) => data.unlabelled,
    help: "Nothing else learns from rows without a target.",
  },
  {
    path: ["train", "semi"],
    broken: ({ data, model, train }) =>
      train.semi !== undefined &&
      (data.task === "regression" ||
        !["auto", "softmax"].includes(nameOf(model.output)) ||
        !["auto", "softmaxCrossEntropy"].includes(nameOf(train.loss))),
    condition: "left out but for a classification by softmax and its cross-entropy",
    got: semiOf,
    help: "It is about probabilities of classes, one output each; train.pretrain learns from the inputs of any task.",
  },
  {
    path: ["train", "noise", "labels"],
    broken: ({ train }) => train.semi !== undefined && train.noise?.labels !== undefined,
    condition: "left out with train.semi",
    got: ({ train }) => train.noise?.labels,
    help: "Smoothed, a row without a target would have one: any class alike.",
  },
  {
    path: ["train", "pretrain", "optimizer"],
    broken: ({ train }) => train.pretrain !== undefined && isSecondOrder(train.pretrain.optimizer),
    condition: "a method of steps on minibatches",
    got: ({ train }) => train.pretrain && tagOf(train.pretrain.optimizer),
    help: "Inputs are hidden anew in every step; a line search needs one function. adam, say.",
  },
  {
    path: ["train", "pretrain"],
    broken: ({ model, train }) =>
      train.pretrain !== undefined && !model.layers.some((layer) => isDense(layer)),
    condition: "left out without a hidden dense layer",
    got: ({ train }) => train.pretrain,
    help: "It is hidden layers that learn from the inputs alone; add one to model.layers.",
  },
  {
    path: ["train", "earlyStopping", "finish"],
    broken: ({ train: { earlyStopping: stopping } }) =>
      stopping?.on === "oob" && (stopping.finish ?? "best") !== "best",
    condition: "best where out-of-bag rows stop the training",
    got: ({ train }) => train.earlyStopping?.finish,
    help: "Rows that a member trains on in the end are not out of its bag; on: holdout has rows of its own.",
  },
  {
    path: ["train", "average"],
    broken: ({ train }) => train.average !== undefined && train.earlyStopping !== undefined,
    condition: "left out where rows stop the training",
    got: ({ train }) => train.average,
    help: "Early stopping returns the best epoch's weights, averaging the mean of the last epochs'.",
  },
  {
    path: ["train", "average"],
    broken: ({ train, ensemble }) =>
      train.average !== undefined && ensemble?.snapshots !== undefined,
    condition: "left out with ensemble.snapshots",
    got: ({ train }) => train.average,
    help: "A snapshot is where a cycle ends; a mean over cycles would be one network.",
  },
  {
    path: ["train", "epochs"],
    broken: ({ train, ensemble }) =>
      ensemble?.snapshots !== undefined && train.epochs % ensemble.snapshots.members !== 0,
    condition: "a multiple of ensemble.snapshots.members",
    got: ({ train }) => train.epochs,
    help: "Each snapshot ends a cycle of as many epochs as the others.",
  },
  {
    path: ["train", "schedule"],
    broken: ({ train, ensemble }) =>
      ensemble?.snapshots !== undefined && !("constant" in train.schedule),
    condition: "left out with ensemble.snapshots",
    got: ({ train }) => tagOf(train.schedule),
    help: "Its rate falls by a cosine to 0 in every cycle, and starts again.",
  },
  {
    path: ["train", "earlyStopping"],
    broken: ({ train, ensemble }) =>
      ensemble?.snapshots !== undefined && train.earlyStopping !== undefined,
    condition: "left out with ensemble.snapshots",
    got: ({ train }) => train.earlyStopping,
    help: "Every cycle is trained to its end.",
  },
  {
    path: ["ensemble", "snapshots"],
    broken: ({ train, ensemble }) =>
      ensemble?.snapshots !== undefined && isSecondOrder(train.optimizer),
    condition: "left out with a second-order method",
    got: ({ train }) => tagOf(train.optimizer),
    help: "It has no rate that could fall and start again.",
  },
  {
    path: ["ensemble", "snapshots"],
    broken: ({ search, ensemble }) =>
      ensemble?.snapshots !== undefined && search?.each === "ensemble",
    condition: "left out where trials are ensembles (search.each: ensemble)",
    got: ({ ensemble }) => ensemble?.snapshots,
    help: "With each: model the best setting's network gives the snapshots.",
  },
  {
    path: ["train", "loss"],
    broken: ({ data, train: { loss } }) =>
      data.task === "classification" && typeof loss === "object" && "perTarget" in loss,
    condition: "without perTarget for a classification",
    got: () => "perTarget",
    help: "Several targets on one trunk are numbers, all of them.",
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

function semiOf({ train }: Experiment): string | undefined {
  return train.semi && tagOf(train.semi);
}

function optimizerOf({ train }: Experiment): ReturnType<typeof tagOf<TrainSpec["optimizer"]>> {
  return tagOf(train.optimizer);
}

/** The index of the first layer that drops units, also where it is repeated; -1 without one. */
function dropoutAt({ layers }: Experiment["model"]): number {
  return layers.findIndex((layer) => {
    const one = "repeat" in layer ? layer.repeat.layer : layer;
    return "dropout" in one && one.dropout.rate > 0;
  });
}

function dropoutPath({ model }: Experiment): (string | number)[] {
  return ["model", "layers", dropoutAt(model)];
}

function isDense(layer: Experiment["model"]["layers"][number]): boolean {
  return "repeat" in layer
    ? layer.repeat.times > 0 && "dense" in layer.repeat.layer
    : "dense" in layer;
}

/** The first hidden layer whose activations are no shares; -1 without one. */
function unboundedAt({ layers }: Experiment["model"]): number {
  return layers.findIndex((layer, i) => {
    const one = "repeat" in layer ? layer.repeat.layer : layer;
    if ("dropout" in one) return false;
    if ("activation" in one) return one.activation !== "sigmoid";
    const next = layers[i + 1];
    if (next !== undefined && "activation" in next) return false;
    return one.dense.activation !== "sigmoid";
  });
}

function unboundedPath({ model }: Experiment): (string | number)[] {
  return ["model", "layers", unboundedAt(model)];
}
