import { match, type Regularizer, type tagOf } from "@manyfold/protocol";
import type { Network } from "./network.ts";
import { type Ties, tiesOf } from "./ties.ts";

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
  /** Instead of both: adds the gradient of a penalty between tensors, which are found by name. */
  readonly tied?: (weights: Float32Array, gradient: Float32Array, ties: Ties) => void;
}

/** What each regularizer does at a strength; a kernel set may bring its own loops of equal bits. */
export type RegularizerTable = {
  readonly [K in RegularizerName]: (settings: SettingsOf<K>) => RegularizerRule;
};

type SettingsOf<K extends RegularizerName> = Extract<Regularizer, Record<K, unknown>>[K];

/**
 * The penalties and constraints (Goodfellow, Bengio, Courville 2016, sections 7.1 and 7.2).
 *
 * - l2: J + alpha/2 w'w, gradient + alpha w (equation 7.4)
 * - l1: J + alpha |w|, subgradient + alpha sign(w) with sign(0) = 0 (equation 7.20)
 * - proximalL1: w = sign(w) max(|w| - rate alpha, 0) after the step, which minimises
 *   (w - v)^2 / 2 + rate alpha |w| (Parikh and Boyd 2014, section 6.5.2)
 * - elastic: l1 of ratio alpha, then l2 of (1 - ratio) alpha (Zou and Hastie 2005)
 * - maxNorm: each unit's incoming weights w are scaled by min(1, c / |w|) after the step
 * - tie: J + alpha/2 sum over pairs of |w_a - w_b|^2, gradient in w_a + alpha sum over b of
 *   (w_a - w_b) (section 7.9; the sum in the order of the names)
 */
export const REGULARIZERS: RegularizerTable = {
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
  proximalL1: (strength) => ({
    project(weights, { offset, inputs, units }, rate) {
      const least = round(strength * rate);
      const end = offset + inputs * units;
      for (let i = offset; i < end; i++) {
        const w = weights[i]!;
        if (w > least) weights[i] = round(w - least);
        else if (w < -least) weights[i] = round(w + least);
        // A weight that is not a number stays one, so that it is found.
        else if (w === w) weights[i] = 0;
      }
    },
  }),
  elastic: ({ alpha, ratio }) => {
    const parts = [REGULARIZERS.l1(alpha * ratio), REGULARIZERS.l2(alpha * (1 - ratio))];
    return {
      gradient(weights, gradient, range) {
        for (const part of parts) part.gradient?.(weights, gradient, range);
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
  tie: ({ strength }) => {
    const alpha = round(strength);
    return {
      tied(weights, gradient, { offsets, size }) {
        for (let i = 0; i < size; i++) {
          for (const own of offsets) {
            let apart = 0;
            for (const other of offsets) {
              apart = round(apart + round(weights[own + i]! - weights[other + i]!));
            }
            gradient[own + i] = round(gradient[own + i]! + round(alpha * apart));
          }
        }
      },
    };
  },
};

/** Regularizers at work on all weight matrices of a network, in the configured order. */
export interface RunningRegularizers {
  readonly gradient: (weights: Float32Array, gradient: Float32Array) => void;
  readonly project: (weights: Float32Array, rate: number) => void;
}

/**
 * Sets regularizers up for a network; biases are exempt.
 *
 * @throws ManyfoldError where a tie's names or shapes do not fit the network
 */
export function startRegularizers(
  regularizers: readonly Regularizer[],
  network: Network,
  table: RegularizerTable = REGULARIZERS,
): RunningRegularizers {
  const rules = regularizers.map((one) => match<Regularizer, RegularizerRule>(one, table));
  const ranges = weightRanges(network);
  const ties = tiesOf(regularizers, network);
  return {
    gradient(weights, gradient) {
      for (const [index, rule] of rules.entries()) {
        const tied = ties[index];
        if (tied) rule.tied?.(weights, gradient, tied);
        if (rule.gradient === undefined) continue;
        for (const range of ranges) rule.gradient(weights, gradient, range);
      }
    },
    project(weights, rate) {
      for (const rule of rules) {
        if (rule.project === undefined) continue;
        for (const range of ranges) rule.project(weights, range, rate);
      }
    },
  };
}

function weightRanges(network: Network): WeightRange[] {
  return network.parameters.tensors
    .filter(({ kind }) => kind === "weight")
    .map(({ offset, shape: [inputs = 1, units = 1] }) => ({ offset, inputs, units }));
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
