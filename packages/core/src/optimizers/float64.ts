import type { UpdateTable } from "./rules.ts";

/** The updates in float64, for checks: the same formulas as in float32, term by term. */
export const updates64: UpdateTable<Float64Array> = {
  sgd(weights, gradient, _slots, coefficients) {
    const rate = coefficients[0]!;
    for (let i = 0; i < weights.length; i++) weights[i]! -= rate * gradient[i]!;
  },

  momentum(weights, gradient, slots, coefficients) {
    const velocity = slots[0]!;
    const rate = coefficients[0]!;
    const alpha = coefficients[1]!;
    for (let i = 0; i < weights.length; i++) {
      velocity[i] = alpha * velocity[i]! - rate * gradient[i]!;
      weights[i]! += velocity[i]!;
    }
  },

  nesterov(weights, gradient, slots, coefficients) {
    const velocity = slots[0]!;
    const rate = coefficients[0]!;
    const alpha = coefficients[1]!;
    for (let i = 0; i < weights.length; i++) {
      const step = rate * gradient[i]!;
      velocity[i] = alpha * velocity[i]! - step;
      weights[i] = weights[i]! + alpha * velocity[i]! - step;
    }
  },

  adagrad(weights, gradient, slots, coefficients) {
    const squares = slots[0]!;
    const rate = coefficients[0]!;
    const delta = coefficients[1]!;
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i]!;
      squares[i]! += g * g;
      weights[i]! -= (rate * g) / (delta + Math.sqrt(squares[i]!));
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
      squares[i] = decay * squares[i]! + fresh * (g * g);
      weights[i]! -= (rate * g) / Math.sqrt(delta + squares[i]!);
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
      means[i] = beta1 * means[i]! + fresh1 * g;
      squares[i] = beta2 * squares[i]! + fresh2 * (g * g);
      weights[i]! -= (rate * means[i]!) / (Math.sqrt(squares[i]!) * scale + delta);
    }
  },

  adamw(weights, gradient, slots, coefficients) {
    const decay = coefficients[7]!;
    for (let i = 0; i < weights.length; i++) weights[i]! -= decay * weights[i]!;
    updates64.adam(weights, gradient, slots, coefficients);
  },

  adagradUnderRoot(weights, gradient, slots, coefficients) {
    const squares = slots[0]!;
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i]!;
      squares[i]! += g * g;
      weights[i]! -= (coefficients[0]! * g) / Math.sqrt(squares[i]! + coefficients[1]!);
    }
  },

  rmspropOutside(weights, gradient, slots, coefficients) {
    const squares = slots[0]!;
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i]!;
      squares[i] = coefficients[1]! * squares[i]! + coefficients[2]! * (g * g);
      weights[i]! -= (coefficients[0]! * g) / (Math.sqrt(squares[i]!) + coefficients[3]!);
    }
  },
};
