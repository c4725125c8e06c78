import type { UpdateTable } from "./rules.ts";

const round = Math.fround;

/**
 * The updates in float32, rounded after each operation in the order written here; other kernel sets
 * that round likewise agree to the bit. (A double holds the exact product of two floats and more
 * than twice their digits, so rounding the double result of + - * / and sqrt is the float32
 * operation itself.)
 */
export const updates32: UpdateTable<Float32Array> = {
  sgd(weights, gradient, _slots, coefficients) {
    const rate = coefficients[0]!;
    for (let i = 0; i < weights.length; i++) {
      weights[i] = round(weights[i]! - round(rate * gradient[i]!));
    }
  },

  momentum(weights, gradient, slots, coefficients) {
    const velocity = slots[0]!;
    const rate = coefficients[0]!;
    const alpha = coefficients[1]!;
    for (let i = 0; i < weights.length; i++) {
      const v = round(round(alpha * velocity[i]!) - round(rate * gradient[i]!));
      velocity[i] = v;
      weights[i] = round(weights[i]! + v);
    }
  },

  nesterov(weights, gradient, slots, coefficients) {
    const velocity = slots[0]!;
    const rate = coefficients[0]!;
    const alpha = coefficients[1]!;
    for (let i = 0; i < weights.length; i++) {
      const step = round(rate * gradient[i]!);
      const v = round(round(alpha * velocity[i]!) - step);
      velocity[i] = v;
      weights[i] = round(round(weights[i]! + round(alpha * v)) - step);
    }
  },

  adagrad(weights, gradient, slots, coefficients) {
    const squares = slots[0]!;
    const rate = coefficients[0]!;
    const delta = coefficients[1]!;
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i]!;
      const r = round(squares[i]! + round(g * g));
      squares[i] = r;
      const step = round(round(rate * g) / round(delta + round(Math.sqrt(r))));
      weights[i] = round(weights[i]! - step);
    }
  },

  rmsprop(weights, gradient, slots, coefficients) {
    const squares = slots[0]!;
    const rate = coefficients[0]!;
    const decay = coefficients[1]!;
    const fresh = coefficients[2]!;
    const delta = coefficients[3]!;
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i]!;
      const r = round(round(decay * squares[i]!) + round(fresh * round(g * g)));
      squares[i] = r;
      const step = round(round(rate * g) / round(Math.sqrt(round(delta + r))));
      weights[i] = round(weights[i]! - step);
    }
  },

  adam(weights, gradient, slots, coefficients) {
    const means = slots[0]!;
    const squares = slots[1]!;
    const rate = coefficients[0]!;
    const beta1 = coefficients[1]!;
    const fresh1 = coefficients[2]!;
    const beta2 = coefficients[3]!;
    const fresh2 = coefficients[4]!;
    const scale = coefficients[5]!;
    const delta = coefficients[6]!;
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i]!;
      const s = round(round(beta1 * means[i]!) + round(fresh1 * g));
      const r = round(round(beta2 * squares[i]!) + round(fresh2 * round(g * g)));
      means[i] = s;
      squares[i] = r;
      const step = round(round(rate * s) / round(round(round(Math.sqrt(r)) * scale) + delta));
      weights[i] = round(weights[i]! - step);
    }
  },

  adamw(weights, gradient, slots, coefficients) {
    const means = slots[0]!;
    const squares = slots[1]!;
    const rate = coefficients[0]!;
    const beta1 = coefficients[1]!;
    const fresh1 = coefficients[2]!;
    const beta2 = coefficients[3]!;
    const fresh2 = coefficients[4]!;
    const scale = coefficients[5]!;
    const delta = coefficients[6]!;
    const decay = coefficients[7]!;
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i]!;
      const s = round(round(beta1 * means[i]!) + round(fresh1 * g));
      const r = round(round(beta2 * squares[i]!) + round(fresh2 * round(g * g)));
      means[i] = s;
      squares[i] = r;
      const step = round(round(rate * s) / round(round(round(Math.sqrt(r)) * scale) + delta));
      const w = weights[i]!;
      weights[i] = round(round(w - round(decay * w)) - step);
    }
  },

  adagradUnderRoot(weights, gradient, slots, coefficients) {
    const squares = slots[0]!;
    const rate = coefficients[0]!;
    const delta = coefficients[1]!;
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i]!;
      const r = round(squares[i]! + round(g * g));
      squares[i] = r;
      weights[i] = round(weights[i]! - round(round(rate * g) / round(Math.sqrt(round(r + delta)))));
    }
  },

  rmspropOutside(weights, gradient, slots, coefficients) {
    const squares = slots[0]!;
    const rate = coefficients[0]!;
    const decay = coefficients[1]!;
    const fresh = coefficients[2]!;
    const delta = coefficients[3]!;
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i]!;
      const r = round(round(decay * squares[i]!) + round(fresh * round(g * g)));
      squares[i] = r;
      const root = round(round(Math.sqrt(r)) + delta);
      weights[i] = round(weights[i]! - round(round(rate * g) / root));
    }
  },
};
