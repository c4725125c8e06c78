import { elementary } from "@manyfold/core";

const ROOT_2_PI = 2.5066282746310002;

/** Density of the standard normal distribution. */
export function normalDensity(z: number): number {
  return elementary.exp((-z * z) / 2) / ROOT_2_PI;
}

/**
 * Distribution function of the standard normal distribution, within 1e-14: the odd series
 * 1/2 + density (z + z^3/3 + z^5/(3 5) + ...) up to 4, beyond it the tail's continued fraction.
 */
export function normalCdf(z: number): number {
  const size = Math.abs(z);
  if (size > 4) {
    let fraction = size;
    for (let i = 60; i >= 1; i--) fraction = size + i / fraction;
    const tail = normalDensity(size) / fraction;
    return z < 0 ? tail : 1 - tail;
  }
  let term = z;
  let sum = z;
  for (let odd = 3; Math.abs(term) > 1e-17 * Math.abs(sum); odd += 2) {
    term *= (z * z) / odd;
    sum += term;
  }
  return 0.5 + normalDensity(z) * sum;
}
