import { match, type Regularizer, type tagOf } from "@manyfold/protocol";

type RegularizerName = ReturnType<typeof tagOf<Regularizer>>;

/** A weight matrix `[in, units]`, row-major, at `offset` of the flat buffers. Never a bias. */
export interface WeightRange {
  readonly offset: number;
  readonly inputs: number;
  readonly units: number;
}

/**
 * What a regularizer does around the optimizer's step, on one weight matrix of the flat float32
 * buffers; each operation rounds, in the order written here.
 */
export interface RegularizerRule {
  /** Adds the penalty's gradient (or subgradient) to that of the loss, before the step. */
  readonly gradient?: (weights: Float32Array, gradient: Float32Array, range: WeightRange) => void;
  /**
   * Moves the weights back to where the constraint or the proximal operator wants them, after the
   * step.
   *
   * @param rate the scheduled rate of that step (what a proximal operator shrinks by)
   */
  readonly project?: (weights: Float32Array, range: WeightRange, rate: number) => void;
}

/**
 * The penalties and constraints (Goodfellow, Bengio, Courville 2016, sections 7.1 and 7.2).
 *
 * - l2: J + alpha/2 w'w, gradient + alpha w (equation 7.4)
 * - l1: J + alpha |w|, subgradient + alpha sign(w) with sign(0) = 0 (equation 7.20)
 * - maxNorm: each unit's incoming weights w are scaled by min(1, c / |w|) after the step
 */
const REGULARIZERS: { readonly [K in RegularizerName]: (strength: number) => RegularizerRule } = {
  l2: (strength) => {
    const alpha = round(strength);
    return {
      gradient(weights, gradient, { offset, inputs, units }) {
        const end = offset + inputs * units;
        for (let i = offset; i < end; i++) {
          gradient[i] = round(gradient[i]! + round(alpha * weights[i]!));
        }
      },
    };
  },
  l1: (strength) => {
    const alpha = round(strength);
    return {
      gradient(weights, gradient, { offset, inputs, units }) {
        const end = offset + inputs * units;
        for (let i = offset; i < end; i++) {
          const w = weights[i]!;
          if (w > 0) gradient[i] = round(gradient[i]! + alpha);
          else if (w < 0) gradient[i] = round(gradient[i]! - alpha);
        }
      },
    };
  },
  maxNorm: (largest) => {
    let scratch = new Float64Array(0);
    return {
      project(weights, { offset, inputs, units }) {
        // One array for all matrices, of the widest: sums of squares, then scales, per unit.
        if (scratch.length < units) scratch = new Float64Array(units);
        sumSquares(weights, offset, inputs, units, scratch);
        let over = false;
        for (let unit = 0; unit < units; unit++) {
          const norm = Math.sqrt(scratch[unit]!);
          over ||= norm > largest;
          scratch[unit] = norm > largest ? round(largest / norm) : 1;
        }
        if (over) scaleUnits(weights, offset, inputs, units, scratch);
      },
    };
  },
};

/** What a configured regularizer does. */
export function regularizerRule(regularizer: Regularizer): RegularizerRule {
  return match(regularizer, REGULARIZERS);
}

/** Squared incoming norm of each unit; squares of floats are exact in float64, summed by row. */
function sumSquares(
  weights: Float32Array,
  offset: number,
  inputs: number,
  units: number,
  out: Float64Array,
): void {
  out.fill(0);
  for (let row = 0, at = offset; row < inputs; row++) {
    for (let unit = 0; unit < units; unit++, at++) {
      const w = weights[at]!;
      out[unit]! += w * w;
    }
  }
}

function scaleUnits(
  weights: Float32Array,
  offset: number,
  inputs: number,
  units: number,
  scales: Float64Array,
): void {
  for (let row = 0, at = offset; row < inputs; row++) {
    for (let unit = 0; unit < units; unit++, at++) {
      weights[at] = round(weights[at]! * scales[unit]!);
    }
  }
}

function round(x: number): number {
  return Math.fround(x);
}
