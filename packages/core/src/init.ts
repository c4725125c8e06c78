import type { InitName, Network, ParameterTensor } from "./network.ts";
import { fold, normals, uniforms } from "./rng.ts";
import type { Key } from "./rng.ts";

/** Numbers of one tensor, float64 before they are rounded. */
type Draw = (from: Key, tensor: ParameterTensor) => Float64Array;

/**
 * How weights are drawn, with m units feeding a layer and n units in it:
 *
 * - Glorot: variance 2 / (m + n) (Glorot and Bengio 2010; Goodfellow, Bengio, Courville, eq. 8.23)
 * - He: variance 2 / m (He et al. 2015)
 * - LeCun: variance 1 / m (LeCun et al. 1998)
 *
 * each as a normal with that variance or uniform on ± sqrt(3 variance).
 */
const INITS: { readonly [I in InitName]: Draw } = {
  glorotUniform: (from, tensor) => uniform(from, tensor, 2 / (tensor.fanIn + tensor.fanOut)),
  glorotNormal: (from, tensor) => normal(from, tensor, 2 / (tensor.fanIn + tensor.fanOut)),
  heUniform: (from, tensor) => uniform(from, tensor, 2 / tensor.fanIn),
  heNormal: (from, tensor) => normal(from, tensor, 2 / tensor.fanIn),
  lecunUniform: (from, tensor) => uniform(from, tensor, 1 / tensor.fanIn),
  lecunNormal: (from, tensor) => normal(from, tensor, 1 / tensor.fanIn),
  zeros: (_from, { size }) => new Float64Array(size),
};

/**
 * Writes a network's starting weights: tensor i is drawn in float64 from `fold(from, "init", i)`
 * and rounded, so a layer's start does not depend on what lies before it.
 *
 * @param weights `[parameters]`, laid out as `network.parameters`
 * @param from the key of the training
 */
export function initialize(
  network: Network,
  from: Key,
  weights: Float32Array | Float64Array,
): void {
  for (const [index, tensor] of network.parameters.tensors.entries()) {
    weights.set(INITS[tensor.init](fold(from, "init", index), tensor), tensor.offset);
  }
}

function uniform(from: Key, { size }: ParameterTensor, variance: number): Float64Array {
  const limit = Math.sqrt(3 * variance);
  const drawn = uniforms(from, size);
  // In place: a wide layer's weights in float64 are as much as its training holds of them.
  for (let i = 0; i < size; i++) drawn[i] = (2 * (drawn[i] as number) - 1) * limit;
  return drawn;
}

function normal(from: Key, { size }: ParameterTensor, variance: number): Float64Array {
  const deviation = Math.sqrt(variance);
  const drawn = normals(from, size);
  for (let i = 0; i < size; i++) drawn[i] = (drawn[i] as number) * deviation;
  return drawn;
}
