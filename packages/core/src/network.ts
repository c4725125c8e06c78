import {
  type Activation,
  type Init,
  ManyfoldError,
  match,
  type ModelSpec,
  show,
} from "@manyfold/protocol";
import { ACTIVATIONS } from "./activations.ts";
import { type Head, headFor } from "./heads.ts";
import type { Node } from "./graph.ts";
import { addBias, dropout, matmul } from "./ops.ts";
import { sizeOf, type Shape } from "./shape.ts";

/** How a weight matrix is drawn, with `auto` resolved. */
export type InitName = Exclude<Init, "auto">;

/** One tensor of the flat parameter buffer. */
export interface ParameterTensor {
  /** As in the weights file: `layers.0.dense.weight`, `output.bias`. */
  readonly name: string;
  readonly kind: "weight" | "bias";
  /** `[in, units]` row-major for weights, `[units]` for biases. */
  readonly shape: Shape;
  /** First element in the flat buffer. */
  readonly offset: number;
  readonly size: number;
  readonly fanIn: number;
  readonly fanOut: number;
  /** How it is drawn before training; biases are `zeros`. */
  readonly init: InitName;
}

/** A layer with everything resolved. */
export type NetworkLayer =
  | {
      readonly kind: "dense";
      readonly name: string;
      readonly inputs: number;
      readonly units: number;
      readonly activation: Activation;
      readonly weight: ParameterTensor;
      readonly bias: ParameterTensor | null;
    }
  | {
      readonly kind: "dropout";
      readonly name: string;
      readonly units: number;
      readonly rate: number;
      /** Number of this layer among the dropout layers; folded into the key of its masks. */
      readonly stream: number;
    }
  | {
      readonly kind: "activation";
      readonly name: string;
      readonly units: number;
      readonly activation: Activation;
    };

/** What a network reads and predicts. */
export interface NetworkIO {
  /** Number of input columns. */
  readonly inputs: number;
  readonly task: "classification" | "regression";
  /** Number of target columns (regression) or classes (classification). */
  readonly outputs: number;
}

/** A model fitted to its data's shape: layers resolved, parameters laid out. Plain data. */
export interface Network {
  readonly inputs: number;
  /** Columns of a prediction: target columns, or one probability a class. */
  readonly outputs: number;
  /**
   * Columns of the logits, and of the targets a loss reads: as `outputs`, but 1 for a sigmoid head
   * of a classification, where the target is the probability of the second class.
   */
  readonly targets: number;
  readonly task: NetworkIO["task"];
  readonly head: Head;
  /** From input to output; the last is the dense layer named `output`, which gives the logits. */
  readonly layers: readonly NetworkLayer[];
  /** All parameters in one flat buffer, in the order of the layers. */
  readonly parameters: { readonly size: number; readonly tensors: readonly ParameterTensor[] };
}

/**
 * Resolves a model against the shape of its data.
 *
 * @throws ManyfoldError where the output head does not fit the task
 *
 * @example
 * const network = buildNetwork(
 *   { layers: [{ dense: { units: 8, activation: "relu", init: "auto", bias: true } }], output: "auto", init: "auto" },
 *   { inputs: 4, task: "classification", outputs: 3 },
 * );
 */
export function buildNetwork(model: ModelSpec, io: NetworkIO): Network {
  const head = headFor(model.output, io);
  const targets = head === "sigmoid" && io.task === "classification" ? 1 : io.outputs;
  const flat = flatten(model);
  const output: FlatLayer = {
    name: "output",
    spec: { dense: { units: targets, activation: "identity", init: "auto", bias: true } },
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

  const all = [...flat, output];
  for (const [index, { name, spec }] of all.entries()) {
    const layer = match<SimpleLayer, NetworkLayer>(spec, {
      dense: ({ units, activation, init, bias }) => {
        const resolved = resolveInit(init, model.init, effectiveActivation(all, index));
        const fans = { fanIn: width, fanOut: units };
        const prefix = name === "output" ? name : `${name}.dense`;
        const weight = place({
          name: `${prefix}.weight`,
          kind: "weight",
          shape: [width, units],
          init: resolved,
          ...fans,
        });
        const offsets = bias
          ? place({ name: `${prefix}.bias`, kind: "bias", shape: [units], init: "zeros", ...fans })
          : null;
        return { kind: "dense", name, inputs: width, units, activation, weight, bias: offsets };
      },
      dropout: ({ rate }) => ({ kind: "dropout", name, units: width, rate, stream: streams++ }),
      activation: (activation) => ({ kind: "activation", name, units: width, activation }),
    });
    layers.push(layer);
    width = layer.units;
  }
  return {
    inputs: io.inputs,
    outputs: io.outputs,
    targets,
    task: io.task,
    head,
    layers,
    parameters: { size, tensors },
  };
}

type Layer = ModelSpec["layers"][number];
type SimpleLayer = Exclude<Layer, { repeat: unknown }>;

interface FlatLayer {
  readonly name: string;
  readonly spec: SimpleLayer;
}

/** The layers with repeats written out; the names count the written-out layers. */
function flatten(model: ModelSpec): FlatLayer[] {
  const flat: FlatLayer[] = [];
  for (const layer of model.layers) {
    const times = "repeat" in layer ? layer.repeat.times : 1;
    const spec = "repeat" in layer ? layer.repeat.layer : layer;
    for (let i = 0; i < times; i++) flat.push({ name: `layers.${flat.length}`, spec });
  }
  return flat;
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

/** The usual pick by activation: He for ReLU, Glorot for the saturating and linear ones. */
const AUTO_INIT: { readonly [A in Activation]: InitName } = {
  identity: "glorotUniform",
  sigmoid: "glorotUniform",
  tanh: "glorotUniform",
  relu: "heUniform",
};

function resolveInit(own: Init, model: Init, activation: Activation): InitName {
  if (own !== "auto") return own;
  return model === "auto" ? AUTO_INIT[activation] : model;
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
    const product = matmul(x, parameter(layer.weight));
    const net = layer.bias === null ? product : addBias(product, parameter(layer.bias));
    return ACTIVATIONS[layer.activation](net);
  }
  if (layer.kind === "activation") return ACTIVATIONS[layer.activation](x);
  if (mode === "off" || layer.rate === 0) return x;
  return dropout(x, layer.rate, layer.stream, mode === "shared");
}

/** A table of layers, output sizes and parameter counts, for people. */
export function describeNetwork(network: Network): string {
  const rows = network.layers.map((layer) => {
    if (layer.kind === "dropout") return [layer.name, `dropout ${layer.rate}`, layer.units, 0];
    if (layer.kind === "activation") return [layer.name, layer.activation, layer.units, 0];
    const shape = `dense ${layer.inputs} x ${layer.units} ${layer.activation}`;
    return [layer.name, shape, layer.units, layer.weight.size + (layer.bias?.size ?? 0)];
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
    `${network.inputs} inputs, ${network.parameters.size} parameters, ${network.head} output`,
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
