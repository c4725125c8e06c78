import {
  type Activation,
  type FittedTarget,
  type Init,
  ManyfoldError,
  match,
  type ModelSpec,
  nameOf,
  type Preprocessing,
  show,
} from "@manyfold/protocol";
import { activationRule } from "./activations.ts";
import { type Head, headFor, headRule } from "./heads.ts";
import type { Node } from "./graph.ts";
import type { InitName } from "./init.ts";
import { type Side, sidesOf } from "./sides.ts";
import { add, addBias, broadcast, dropout, matmul, scale, square, sum } from "./ops.ts";
import { sameShape, type Shape, showShape, sizeOf } from "./shape.ts";

/** One tensor of the flat parameter buffer. */
export interface ParameterTensor {
  /** As in the weights file: `layers.0.dense.weight`, `output.bias`. */
  readonly name: string;
  readonly kind: "weight" | "bias" | "learned";
  /** `[in, units]` row-major for weights (units times pieces for maxout), `[units]` for others. */
  readonly shape: Shape;
  /** First element in the flat buffer. */
  readonly offset: number;
  readonly size: number;
  readonly fanIn: number;
  readonly fanOut: number;
  /** How it is drawn before training; biases are `zeros`. */
  readonly init: InitName;
  /** What the variance of the draw is multiplied by; 1 without it. */
  readonly gain?: number;
  /** What it starts from instead of a draw, repeated over the tensor. */
  readonly start?: readonly number[];
}

/** A layer with everything resolved. */
export type NetworkLayer =
  | {
      readonly kind: "dense";
      readonly name: string;
      readonly inputs: number;
      readonly units: number;
      readonly activation: Activation;
      /** Its own, or that of the layer it shares it with. */
      readonly weight: ParameterTensor;
      /** Whether the weight is used transposed. */
      readonly transposed: boolean;
      readonly bias: ParameterTensor | null;
      /** What the activation learns, a number per unit. */
      readonly learned: ParameterTensor | null;
    }
  | {
      readonly kind: "dropout";
      readonly name: string;
      readonly units: number;
      readonly rate: number;
      /** Whether units are multiplied by normal numbers instead of being left out. */
      readonly gaussian: boolean;
      /** Number of this layer among the dropout layers; folded into the key of its masks. */
      readonly stream: number;
    }
  | {
      readonly kind: "activation";
      readonly name: string;
      readonly units: number;
      readonly activation: Activation;
      readonly learned: ParameterTensor | null;
    };

/** What a network reads and predicts. */
export interface NetworkIO {
  /** Number of input columns. */
  readonly inputs: number;
  readonly task: "classification" | "regression";
  /** Number of target columns (regression) or classes (classification). */
  readonly outputs: number;
  /** Classes of the target of each of the model's further heads; 0 for a regression. */
  readonly heads?: readonly number[] | undefined;
}

/** What a network reads and predicts on data that were prepared so. */
export function ioOf({ target, heads, width }: Preprocessing, inputs: number = width): NetworkIO {
  const classes = (own: FittedTarget): number => {
    return own.task === "classification" ? own.classes.length : 0;
  };
  const outputs = target.task === "classification" ? classes(target) : target.columns.length;
  return { inputs, task: target.task, outputs, heads: heads?.map(classes) };
}

/** A model fitted to its data's shape: layers resolved, parameters laid out. Plain data. */
export interface Network {
  readonly inputs: number;
  /** Target columns, or classes. */
  readonly outputs: number;
  /** Columns of a prediction: as `outputs`, more where distributions are predicted. */
  readonly columns: number;
  /**
   * Columns of the targets that the first head's loss reads: as `outputs`, but 1 for a sigmoid head
   * of a classification, where the target is the probability of the second class.
   */
  readonly ownTargets: number;
  /** Columns of the targets of all heads, which follow each other. */
  readonly targets: number;
  readonly task: NetworkIO["task"];
  readonly head: Head;
  /** Heads beside it, whose logits follow its own in the output layer. */
  readonly sides: readonly Side[];
  /** From input to output; the last is the dense layer named `output`, which gives the logits. */
  readonly layers: readonly NetworkLayer[];
  /** All parameters in one flat buffer, in the order of the layers. */
  readonly parameters: { readonly size: number; readonly tensors: readonly ParameterTensor[] };
}

/**
 * Resolves a model against the shape of its data.
 *
 * @throws ManyfoldError where the output head does not fit the task, or a layer not its place
 *
 * @example
 * const network = buildNetwork(
 *   { layers: [{ dense: { units: 8, activation: "relu", init: "auto", bias: true } }], output: "auto", init: "auto" },
 *   { inputs: 4, task: "classification", outputs: 3 },
 * );
 */
export function buildNetwork(model: ModelSpec, io: NetworkIO): Network {
  const head = headFor(model.output, io);
  const rule = headRule(head);
  const ownTargets = rule.targets(io);
  const flat = flatten(model);
  const sides = sidesOf(model.heads ?? [], io);
  const heads = [{ head, targets: ownTargets }, ...sides];
  const logits = heads.map((own) => headRule(own.head).logits(own.targets));
  const units = logits.reduce((total, own) => total + own, 0);
  const starts = heads.map((own) => headRule(own.head).start(own.targets));
  const outputStart = starts.every((own) => own === null)
    ? null
    : starts.flatMap((own, i) => own ?? Array.from({ length: logits[i]! }, () => 0));
  const output: FlatLayer = {
    name: "output",
    path: "model.output",
    spec: { dense: { units, activation: "identity", init: "auto", bias: true } },
  };
  const layers: NetworkLayer[] = [];
  const tensors: ParameterTensor[] = [];
  let width = io.inputs;
  let size = 0;
  let streams = 0;

  const place = (tensor: Omit<ParameterTensor, "offset" | "size">): ParameterTensor => {
    const placed = { ...tensor, offset: size, size: sizeOf(tensor.shape) };
    size += placed.size;
    tensors.push(placed);
    return placed;
  };

  /** A number per unit that an activation learns. */
  const placeLearned = (activation: Activation, prefix: string, inputs: number, units: number) => {
    const { learned } = activationRule(activation);
    if (learned === null) return null;
    return place({
      name: `${prefix}.${learned.name}`,
      kind: "learned",
      shape: [units],
      fanIn: inputs,
      fanOut: units,
      init: "zeros",
      start: [learned.start(inputs)],
    });
  };

  const all = [...flat, output];
  for (const [index, { name, path, spec }] of all.entries()) {
    const layer = match<SimpleLayer, NetworkLayer>(spec, {
      dense: ({ units, activation, init, bias, share }) => {
        const own = activationRule(activation);
        const columns = units * own.pieces;
        const fans = { fanIn: width, fanOut: columns };
        const prefix = name === "output" ? name : `${name}.dense`;
        const transposed = share?.transpose === true;
        const weight =
          share === undefined
            ? place({
                name: `${prefix}.weight`,
                kind: "weight",
                shape: [width, columns],
                ...drawn(init, model.init, effectiveActivation(all, index)),
                ...fans,
              })
            : sharedWeight(tensors, share, [width, columns], `${path}.dense.share`);
        const start = name === "output" ? outputStart : null;
        const offsets =
          bias && own.net === "product"
            ? place({
                name: `${prefix}.bias`,
                kind: "bias",
                shape: [columns],
                init: "zeros",
                ...(start === null ? {} : { start }),
                ...fans,
              })
            : null;
        return {
          kind: "dense",
          name,
          inputs: width,
          units,
          activation,
          weight,
          transposed,
          bias: offsets,
          learned: placeLearned(activation, prefix, width, units),
        };
      },
      dropout: ({ rate, noise }) => ({
        kind: "dropout",
        name,
        units: width,
        rate,
        gaussian: noise === "gaussian",
        stream: streams++,
      }),
      activation: (activation) => {
        requireAlone(activation, `${path}.activation`);
        const learned = placeLearned(activation, `${name}.activation`, width, width);
        return { kind: "activation", name, units: width, activation, learned };
      },
    });
    layers.push(layer);
    width = layer.units;
  }
  return {
    inputs: io.inputs,
    outputs: io.outputs,
    columns: rule.columns(io.outputs),
    ownTargets,
    targets: heads.reduce((total, own) => total + own.targets, 0),
    task: io.task,
    head,
    sides,
    layers,
    parameters: { size, tensors },
  };
}

type Layer = ModelSpec["layers"][number];
type Share = NonNullable<Extract<Layer, { dense: unknown }>["dense"]["share"]>;
type SimpleLayer = Exclude<Layer, { repeat: unknown }>;

interface FlatLayer {
  readonly name: string;
  /** Where the configuration says it. */
  readonly path: string;
  readonly spec: SimpleLayer;
}

/** The layers with repeats written out; the names count the written-out layers. */
function flatten(model: ModelSpec): FlatLayer[] {
  const flat: FlatLayer[] = [];
  for (const [index, layer] of model.layers.entries()) {
    const times = "repeat" in layer ? layer.repeat.times : 1;
    const spec = "repeat" in layer ? layer.repeat.layer : layer;
    const path = `model.layers.${index}${"repeat" in layer ? ".repeat.layer" : ""}`;
    for (let i = 0; i < times; i++) flat.push({ name: `layers.${flat.length}`, path, spec });
  }
  return flat;
}

/** The weight of an earlier layer, used again: one tensor, whose gradient is the sum of its uses. */
function sharedWeight(
  tensors: readonly ParameterTensor[],
  { layer, transpose }: Share,
  wanted: Shape,
  path: string,
): ParameterTensor {
  const tensor = tensors.find(({ name }) => name === `${layer}.dense.weight`);
  const earlier = tensors.flatMap(({ name, kind }) =>
    kind === "weight" ? [name.replace(/\.dense\.weight$/, "")] : [],
  );
  if (tensor === undefined) {
    throw new ManyfoldError({
      code: "config",
      path,
      condition: `the name of an earlier dense layer (${earlier.join(", ") || "there is none"})`,
      got: show(layer),
      help: "Layers are counted from 0 with repeats written out: layers.0 is the first.",
    });
  }
  const shape = transpose ? tensor.shape.toReversed() : tensor.shape;
  if (sameShape(shape, wanted)) return tensor;
  throw new ManyfoldError({
    code: "config",
    path,
    condition: `a layer whose weights are ${showShape(wanted)}, as this one's inputs and units`,
    got: `${layer} with ${showShape(shape)}${transpose ? " transposed" : ""}`,
    help: "A layer that shares weights has the units of the other; transposed, its inputs.",
  });
}

/** Refuses activations that stand alone though they change what a dense layer computes. */
function requireAlone(activation: Activation, path: string): void {
  const { pieces, net } = activationRule(activation);
  if (pieces === 1 && net === "product") return;
  throw new ManyfoldError({
    code: "config",
    path,
    condition: "one that a layer of its own can be",
    got: show(nameOf(activation)),
    help: `Write it as the activation of a dense layer: dense: { units: 8, activation: ${nameOf(activation)} }.`,
  });
}

/** The nonlinearity that a dense layer feeds, also where it is a layer of its own. */
function effectiveActivation(layers: readonly FlatLayer[], index: number): Activation {
  for (let at = index; at < layers.length; at++) {
    const spec = layers[at]!.spec;
    if ("dropout" in spec) continue;
    if ("activation" in spec) return spec.activation;
    if (at !== index) break;
    if (spec.dense.activation !== "identity") return spec.dense.activation;
  }
  return "identity";
}

/** How a layer's weights are drawn; `auto` picks by the activation that they feed. */
function drawn(
  own: Init,
  model: Init,
  activation: Activation,
): Pick<ParameterTensor, "init" | "gain"> {
  if (own !== "auto") return { init: own };
  if (model !== "auto") return { init: model };
  const { init, gain } = activationRule(activation);
  return gain === 1 ? { init } : { init, gain };
}

/** What dropout layers do: draw a mask per row, one mask for all rows, or nothing. */
export type DropoutMode = "rows" | "shared" | "off";

/** A network's forward graph: every layer's output in order; the last one's are the logits. */
export interface ForwardGraph {
  readonly logits: Node;
  readonly layers: readonly { readonly name: string; readonly output: Node }[];
}

/**
 * Builds the forward graph, x `[rows, inputs]` to logits `[rows, targets]`.
 *
 * @param parameter the node that stands for a tensor (an input, or anything computed, as in weight
 *   noise or the look-ahead of Nesterov's method)
 */
export function forwardGraph(
  network: Network,
  x: Node,
  parameter: (tensor: ParameterTensor) => Node,
  mode: DropoutMode,
): ForwardGraph {
  const outputs: { name: string; output: Node }[] = [];
  let value = x;
  for (const layer of network.layers) {
    value = layerOutput(layer, value, parameter, mode);
    outputs.push({ name: layer.name, output: value });
  }
  return { logits: value, layers: outputs };
}

function layerOutput(
  layer: NetworkLayer,
  x: Node,
  parameter: (tensor: ParameterTensor) => Node,
  mode: DropoutMode,
): Node {
  if (layer.kind === "dense") {
    const rule = activationRule(layer.activation);
    const weight = parameter(layer.weight);
    const product = matmul(x, weight, false, layer.transposed);
    const net =
      rule.net === "distance"
        ? distances(x, weight, product, layer.transposed)
        : layer.bias === null
          ? product
          : addBias(product, parameter(layer.bias));
    return rule.apply(net, layer.learned && parameter(layer.learned));
  }
  if (layer.kind === "activation") {
    return activationRule(layer.activation).apply(x, layer.learned && parameter(layer.learned));
  }
  if (mode === "off" || layer.rate === 0) return x;
  return dropout(x, layer.rate, layer.stream, mode === "shared", layer.gaussian);
}

/** |x - w|² of each row and unit, from their product: |x|² - 2 x w + |w|². */
function distances(x: Node, weight: Node, product: Node, transposed: boolean): Node {
  const own = broadcast(sum(square(x), 1), 1, product.shape);
  const centres = sum(square(weight), transposed ? 1 : 0);
  return add(addBias(scale(product, -2), centres), own);
}

/** A table of layers, output sizes and parameter counts, for people. */
export function describeNetwork(network: Network): string {
  const rows = network.layers.map((layer) => {
    if (layer.kind === "dropout") {
      const noise = layer.gaussian ? "gaussian dropout" : "dropout";
      return [layer.name, `${noise} ${layer.rate}`, layer.units, 0];
    }
    const learned = layer.learned?.size ?? 0;
    const activation = nameOf(layer.activation);
    if (layer.kind === "activation") return [layer.name, activation, layer.units, learned];
    const shared = layer.weight.name.startsWith(`${layer.name}.`) ? "" : " shared";
    const shape = `dense ${layer.inputs} x ${layer.units} ${activation}${shared}`;
    const weights = shared === "" ? layer.weight.size : 0;
    return [layer.name, shape, layer.units, weights + (layer.bias?.size ?? 0) + learned];
  });
  const table = [["layer", "what", "units", "parameters"], ...rows].map((row) => row.map(String));
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...table.map((row) => (row[column] ?? "").length)),
  );
  const lines = table.map((row) =>
    row
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  "),
  );
  lines.push(
    `${network.inputs} inputs, ${network.parameters.size} parameters, ${[network, ...network.sides].map(({ head }) => nameOf(head)).join(" and ")} output`,
  );
  return lines.join("\n");
}

/** Refuses weights that are not of the network's size. */
export function requireWeights(network: Network, weights: ArrayLike<number>): void {
  if (weights.length === network.parameters.size) return;
  throw new ManyfoldError({
    code: "artifact",
    path: "weights",
    condition: `${network.parameters.size} numbers long, as the model asks`,
    got: show(weights.length),
    help: "Weights and model must come from the same training.",
  });
}
