import type { Noise } from "@manyfold/protocol";
import type { Network } from "./network.ts";
import { fold, type Key, normals } from "./rng.ts";

/** Changes the rows of a step in place: x `[rows, inputs]`, y `[rows, targets]`. */
export type Perturbation = (x: Float32Array, y: Float32Array, rows: number, step: number) => void;

/**
 * Normal noise on the inputs (Goodfellow, Bengio, Courville 2016, section 7.5; Bishop 1995): new in
 * every step, number i of step t being number i of `fold(key, "noise on inputs", t)`.
 */
export function inputNoise({ inputs }: Network, deviation: number, key: Key): Perturbation {
  return (x, _, rows, step) => {
    const drawn = normals(fold(key, "noise on inputs", step), rows * inputs);
    for (let i = 0; i < drawn.length; i++) x[i] = Math.fround(x[i]! + deviation * drawn[i]!);
  };
}

/**
 * Label smoothing (section 7.5.1, in the book's form): the class is learned as 1 - epsilon and each
 * of the other K - 1 as epsilon / (K - 1). On one sigmoid output K is 2.
 */
export function labelSmoothing({ targets, ownTargets }: Network, epsilon: number): Perturbation {
  const others = ownTargets === 1 ? epsilon : epsilon / (ownTargets - 1);
  return (_, y, rows) => {
    for (let from = 0; from < rows * targets; from += targets) {
      for (let i = from; i < from + ownTargets; i++) {
        y[i] = Math.fround(others + y[i]! * (1 - epsilon - others));
      }
    }
  };
}

/** Noise that is put on the weights and taken off again, so that what is stored has none. */
export interface WeightNoise {
  readonly put: (parameters: Float32Array, step: number) => void;
  readonly take: (parameters: Float32Array) => void;
}

/** Normal noise on the weights, not on biases (section 7.5; Graves 2011). */
export function weightNoise(
  { parameters: { size, tensors } }: Network,
  deviation: number,
  key: Key,
): WeightNoise {
  const still = new Float32Array(size);
  const weights = tensors.filter(({ kind }) => kind === "weight");
  return {
    put(parameters, step) {
      still.set(parameters);
      const drawn = normals(fold(key, "noise on weights", step), size);
      for (const { offset, size: length } of weights) {
        for (let i = offset; i < offset + length; i++) {
          parameters[i] = Math.fround(parameters[i]! + deviation * drawn[i]!);
        }
      }
    },
    take: (parameters) => parameters.set(still),
  };
}

/** What a training does to the rows of each step, in order; empty where nothing is configured. */
export function noiseOnRows(noise: Noise | undefined, network: Network, key: Key): Perturbation[] {
  const { inputs, labels } = noise ?? {};
  return [
    ...(inputs === undefined ? [] : [inputNoise(network, inputs, key)]),
    ...(labels === undefined ? [] : [labelSmoothing(network, labels)]),
  ];
}
