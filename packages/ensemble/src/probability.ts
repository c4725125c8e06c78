import { elementary } from "@manyfold/core";

/** Smallest probability whose logarithm is taken. */
const SMALLEST_PROBABILITY = 1e-15;

/** Logarithm of a probability, of which none is taken to be below 1e-15. */
export function logProbability(probability: number): number {
  return elementary.log(Math.max(probability, SMALLEST_PROBABILITY));
}

/** Index of the largest of `outputs` values from `at` on; the lower index among equals. */
export function argmax(values: ArrayLike<number>, at: number, outputs: number): number {
  let best = 0;
  for (let output = 1; output < outputs; output++) {
    if (values[at + output]! > values[at + best]!) best = output;
  }
  return best;
}

/** Log odds as probabilities, in place. */
export function softmax(values: Float64Array): void {
  const top = values.reduce((a, b) => Math.max(a, b));
  let total = 0;
  for (let at = 0; at < values.length; at++) {
    total += values[at] = elementary.exp(values[at]! - top);
  }
  for (let at = 0; at < values.length; at++) values[at]! /= total;
}
