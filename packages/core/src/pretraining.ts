import { ModelSpec, type Pretrain, type PretrainedLayer, TrainSpec } from "@manyfold/protocol";
import { plainKernels } from "./arithmetic.ts";
import { gatherFrom } from "./batches.ts";
import { initialize } from "./init.ts";
import { networkGraph } from "./loss-graph.ts";
import { buildNetwork, type Network, type NetworkLayer, type ParameterTensor } from "./network.ts";
import { planGraph } from "./plan.ts";
import { fold } from "./rng.ts";
import { bindPlan } from "./run.ts";
import type { TrainJob, TrainOutcome } from "./train.ts";

/** Rows whose hidden values are computed at once; changes no result. */
const CHUNK = 64;

/** Starting weights that have seen the inputs, and how each layer came by them. */
export interface Pretrained {
  readonly status: "done";
  /** `[parameters]`; the output layer's are as they were drawn. */
  readonly weights: Float32Array;
  readonly layers: readonly PretrainedLayer[];
}

/** A dense layer with the activation that follows it: what one autoencoder learns. */
interface Block {
  readonly dense: Extract<NetworkLayer, { kind: "dense" }>;
  readonly activation: Extract<NetworkLayer, { kind: "activation" }> | null;
}

/**
 * Greedy unsupervised pre-training (Goodfellow, Bengio, Courville 2016, section 15.1; Bengio 2007,
 * with the denoising criterion of Vincent 2008). From input to output, each hidden dense layer
 * becomes the encoder of an autoencoder: a share of its inputs is hidden, and a linear decoder, which
 * is thrown away afterwards, has to restore all of them under squared error. The next layer's inputs
 * are what it makes of the rows as they are. Targets are not read, so rows without one take part.
 *
 * A layer that shares its weights with an earlier one keeps what that one learned.
 *
 * @param train the training loop, which trains the autoencoders too
 */
export function pretrained(
  job: TrainJob,
  spec: Pretrain,
  train: (job: TrainJob) => TrainOutcome,
): Pretrained | Exclude<TrainOutcome, { status: "done" }> {
  const { network, key, variant, meter, cancelled } = job;
  const weights = new Float32Array(network.parameters.size);
  initialize(network, key, weights);
  const layers: PretrainedLayer[] = [];
  const count = job.rows.length + (job.unlabelled?.length ?? 0);
  const rows = Uint32Array.from({ length: count }, (_, row) => row);
  let x = inputsOf(job, count);
  for (const [index, block] of blocksOf(network).entries()) {
    const { name, inputs } = block.dense;
    const coder = autoencoder(block, spec.corrupt);
    const own = fold(key, "pretraining", index);
    const start = new Float32Array(coder.parameters.size);
    initialize(coder, own, start);
    const pairs = pairsOf(block, coder);
    for (const { here, there } of pairs) start.set(valuesOf(weights, here), there.offset);
    if (!sharesWeight(block)) {
      const outcome = train({
        network: coder,
        spec: specOf(spec),
        variant,
        x,
        y: x,
        rows,
        key: own,
        start,
        meter,
        ...(cancelled ? { cancelled } : {}),
      });
      if (outcome.status === "nan") return { ...outcome, layer: name };
      if (outcome.status !== "done") return outcome;
      for (const { here, there } of pairs) {
        weights.set(valuesOf(outcome.weights, there), here.offset);
      }
      start.set(outcome.weights);
      layers.push({ name, losses: outcome.curve.map((point) => point.train) });
    }
    x = encode(coder, start, x, x.length / inputs);
  }
  return { status: "done", weights, layers };
}

/** Bytes that pre-training takes besides its autoencoders' trainings: two layers' values of all rows. */
export function pretrainingBytes(network: Network, rows: number): number {
  const widths = blocksOf(network).flatMap(({ dense }) => [dense.inputs, dense.units]);
  return 2 * rows * Math.max(0, ...widths) * Float32Array.BYTES_PER_ELEMENT;
}

/** The autoencoders that a network's layers are trained in, with the spec of their trainings. */
export function pretrainings(
  network: Network,
  spec: Pretrain,
): readonly { readonly network: Network; readonly spec: TrainSpec }[] {
  return blocksOf(network).map((block) => ({
    network: autoencoder(block, spec.corrupt),
    spec: specOf(spec),
  }));
}

function specOf({ epochs, batch, optimizer }: Pretrain): TrainSpec {
  return TrainSpec.parse({ epochs, batch, optimizer });
}

/** Inputs of the rows, labelled ones first, `[count, inputs]`. */
function inputsOf(job: TrainJob, count: number): Float32Array {
  const { network, rows, unlabelled = new Uint32Array(0) } = job;
  const all = Uint32Array.from([...rows, ...unlabelled]);
  const order = Uint32Array.from({ length: count }, (_, row) => row);
  const x = new Float32Array(count * network.inputs);
  gatherFrom(job)(all, order, 0, count, x, new Float32Array(count * network.targets));
  return x;
}

function blocksOf({ layers }: Network): Block[] {
  return layers.slice(0, -1).flatMap((dense, i) => {
    if (dense.kind !== "dense") return [];
    const next = layers[i + 1];
    return [{ dense, activation: next?.kind === "activation" ? next : null }];
  });
}

/** Masked inputs, the block, and a linear decoder; inputs that remain are scaled up for the rest. */
function autoencoder({ dense, activation }: Block, corrupt: number): Network {
  const { inputs, units } = dense;
  const own = { units, activation: dense.activation, bias: dense.bias !== null };
  const layers = [
    { dropout: corrupt },
    { dense: own },
    ...(activation === null ? [] : [{ activation: activation.activation }]),
  ];
  const io = { inputs, task: "regression", outputs: inputs } as const;
  return buildNetwork(ModelSpec.parse({ layers, output: "linear" }), io);
}

/** The tensors of a block here and in its autoencoder, where it comes second. */
function pairsOf({ dense, activation }: Block, coder: Network) {
  const [, first, second] = coder.layers;
  return [tensorsOf(dense), activation && tensorsOf(activation)].flatMap((own, i) => {
    const layer = [first, second][i];
    const theirs = own && layer ? tensorsOf(layer) : [];
    return theirs.flatMap((there, at) => {
      const here = own?.[at];
      return here && there ? [{ here, there }] : [];
    });
  });
}

function tensorsOf(layer: NetworkLayer): (ParameterTensor | null)[] {
  if (layer.kind === "dropout") return [];
  if (layer.kind === "activation") return [layer.learned];
  return [layer.weight, layer.bias, layer.learned];
}

function sharesWeight({ dense }: Block): boolean {
  return !dense.weight.name.startsWith(`${dense.name}.`);
}

function valuesOf(weights: Float32Array, { offset, size }: ParameterTensor): Float32Array {
  return weights.subarray(offset, offset + size);
}

/** What the encoder makes of the rows, `[rows, units]`; plain arithmetic, nothing hidden. */
function encode(
  coder: Network,
  weights: Float32Array,
  x: Float32Array,
  rows: number,
): Float32Array {
  const { forward } = networkGraph(coder, CHUNK, "off");
  const hidden = forward.layers.at(-2)!.output;
  const plan = planGraph({ outputs: { hidden } });
  const program = bindPlan(plan, plainKernels());
  for (const tensor of coder.parameters.tensors) {
    program.inputs.get(tensor.name)?.set(valuesOf(weights, tensor));
  }
  const [into, out] = [program.inputs.get("x")!, program.outputs.get("hidden")!];
  const units = out.length / CHUNK;
  const encoded = new Float32Array(rows * units);
  for (let from = 0; from < rows; from += CHUNK) {
    const count = Math.min(CHUNK, rows - from);
    into.set(x.subarray(from * coder.inputs, (from + count) * coder.inputs));
    program.run();
    encoded.set(out.subarray(0, count * units), from * units);
  }
  return encoded;
}
