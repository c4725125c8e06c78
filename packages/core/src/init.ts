import { type Init, matchNamed } from "@manyfold/protocol";
import type { Network, ParameterTensor } from "./network.ts";
import { fold, normals, uniforms } from "./rng.ts";
import type { Key } from "./rng.ts";

/** How a weight matrix is drawn, with `auto` resolved; `standardNormal` is for centres of rbf. */
export type InitName = Exclude<Init, "auto"> | "standardNormal";

/** Numbers of one tensor, float64 before they are rounded. */
type Draw = (from: Key, tensor: ParameterTensor) => Float64Array;

/**
 * How weights are drawn, with m units feeding a layer and n units in it:
 *
 * - Glorot: variance 2 / (m + n) (Glorot and Bengio 2010; Goodfellow, Bengio, Courville, eq. 8.23)
 * - He: variance 2 / m (He et al. 2015)
 * - LeCun: variance 1 / m (LeCun et al. 1998)
 *
 * each as a normal with that variance or uniform on ± sqrt(3 variance), times the tensor's gain
 * where it has one; orthogonal: orthonormal columns (or rows, where there are more of these) of a
 * random matrix, times a gain (Saxe et al. 2014).
 */
const drawOf = (init: InitName): Draw =>
  matchNamed<InitName, Draw>(init, {
    glorotUniform: () => (from, tensor) =>
      uniform(from, tensor, 2 / (tensor.fanIn + tensor.fanOut)),
    glorotNormal: () => (from, tensor) => normal(from, tensor, 2 / (tensor.fanIn + tensor.fanOut)),
    heUniform: () => (from, tensor) => uniform(from, tensor, 2 / tensor.fanIn),
    heNormal: () => (from, tensor) => normal(from, tensor, 2 / tensor.fanIn),
    lecunUniform: () => (from, tensor) => uniform(from, tensor, 1 / tensor.fanIn),
    lecunNormal: () => (from, tensor) => normal(from, tensor, 1 / tensor.fanIn),
    standardNormal: () => (from, tensor) => normal(from, tensor, 1),
    zeros:
      () =>
      (_, { size }) =>
        new Float64Array(size),
    constant:
      ({ value }) =>
      (_, { size }) =>
        new Float64Array(size).fill(value),
    uniform:
      ({ limit }) =>
      (from, { size }) =>
        uniforms(from, size).map((u) => (2 * u - 1) * limit),
    normal:
      ({ deviation }) =>
      (from, { size }) =>
        normals(from, size).map((z) => z * deviation),
    orthogonal:
      ({ gain }) =>
      (from, tensor) =>
        orthogonal(from, tensor, gain),
  });

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
    const { start, size, offset } = tensor;
    if (start === undefined) {
      weights.set(drawOf(tensor.init)(fold(from, "init", index), tensor), offset);
    } else {
      for (let i = 0; i < size; i++) weights[offset + i] = start[i % start.length]!;
    }
  }
}

function uniform(from: Key, { size, gain = 1 }: ParameterTensor, variance: number): Float64Array {
  const limit = Math.sqrt(3 * variance * gain);
  const drawn = uniforms(from, size);
  // In place: a wide layer's weights in float64 are as much as its training holds of them.
  for (let i = 0; i < size; i++) drawn[i] = (2 * (drawn[i] as number) - 1) * limit;
  return drawn;
}

function normal(from: Key, { size, gain = 1 }: ParameterTensor, variance: number): Float64Array {
  const deviation = Math.sqrt(variance * gain);
  const drawn = normals(from, size);
  for (let i = 0; i < size; i++) drawn[i] = (drawn[i] as number) * deviation;
  return drawn;
}

/** Gram and Schmidt on random directions, twice each, so that rounding leaves them orthogonal. */
function orthogonal(from: Key, { shape, size }: ParameterTensor, gain: number): Float64Array {
  const [rows = 1, columns = 1] = shape;
  const length = Math.max(rows, columns);
  const count = Math.min(rows, columns);
  const drawn = normals(from, size);
  const basis: Float64Array[] = [];
  for (let i = 0; i < count; i++) {
    const own = drawn.slice(i * length, (i + 1) * length);
    for (const other of [...basis, ...basis]) {
      const along = other.reduce((sum, value, at) => sum + value * own[at]!, 0);
      for (let at = 0; at < length; at++) own[at]! -= along * other[at]!;
    }
    const norm = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    basis.push(own.map((value) => value / norm));
  }
  return Float64Array.from({ length: size }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    return gain * (rows >= columns ? basis[column]![row]! : basis[row]![column]!);
  });
}
