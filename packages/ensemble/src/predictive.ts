import { elementary } from "@manyfold/core";
import { ManyfoldError, show } from "@manyfold/protocol";
import { type Member, type Members, requireSameRows, type Truth } from "./members.ts";

const LOG_2_PI = 1.8378770664093456;

/** A mixture of Gaussians for each value: what a member says beyond the value itself. */
export interface Distribution {
  /** Gaussians per value. */
  readonly components: number;
  /** `[rows, outputs, components]`, not below 0, summing to 1 over the components. */
  readonly weights: Float64Array;
  /** `[rows, outputs, components]`, original target units. */
  readonly means: Float64Array;
  /** `[rows, outputs, components]`, above 0, squared target units. */
  readonly variances: Float64Array;
}

/** Variance of the members' mixture at each value, parted by where it comes from. */
export interface Moments {
  /** `[rows, outputs]`: mean over members of the variance that each predicts itself. */
  readonly aleatoric: Float64Array;
  /** `[rows, outputs]`: variance of the members' means around their mean, divided by members. */
  readonly epistemic: Float64Array;
}

/** Variance of the mixture of all members at one value: both parts together. */
export function varianceAt({ aleatoric, epistemic }: Moments, at: number): number {
  return aleatoric[at]! + epistemic[at]!;
}

/**
 * Members that say nothing of their noise, each given one Gaussian of a known variance around its
 * value: what a dropout network of model precision tau says of a row is the mixture of its thinned
 * networks' Gaussians of variance 1/tau (Gal and Ghahramani 2016, equation 8 of the appendix).
 *
 * @param variance per output, squared target units
 */
export function withNoise(members: Members, variance: readonly number[]): Members {
  const { outputs } = members;
  return {
    ...members,
    members: members.members.map((member): Member => {
      const { values } = member;
      const variances = values.map((_, at) => variance[at % outputs]!);
      const weights = new Float64Array(values.length).fill(1);
      return { ...member, distribution: { components: 1, weights, means: values, variances } };
    }),
  };
}

/** Whether every member says how unsure it is. */
export function isProbabilistic({ members }: Members): boolean {
  return members.length > 0 && members.every(({ distribution }) => distribution !== undefined);
}

/**
 * Mean and variance of the equal-weight mixture of the members, as deep ensembles take it for one
 * Gaussian (Lakshminarayanan, Pritzel and Blundell 2017): mu* = mean mu, sigma*^2 = mean(sigma^2 +
 * mu^2) - mu*^2 = mean sigma^2 + variance of mu. Members that do not predict a row take no part.
 */
export function momentsOf(members: Members): Moments {
  const { rows, outputs } = members;
  const aleatoric = new Float64Array(rows * outputs);
  const centre = new Float64Array(rows * outputs);
  const epistemic = new Float64Array(rows * outputs);
  const count = new Uint32Array(rows);
  for (const { member, values, present, distribution } of members.members) {
    const { components, weights, means, variances } = requireDistribution(member, distribution);
    for (let row = 0; row < rows; row++) {
      if (present !== undefined && present[row] === 0) continue;
      const seen = ++count[row]!;
      for (let at = row * outputs; at < (row + 1) * outputs; at++) {
        let variance = 0;
        for (let i = at * components; i < (at + 1) * components; i++) {
          const apart = means[i]! - values[at]!;
          variance += weights[i]! * (variances[i]! + apart * apart);
        }
        aleatoric[at]! += (variance - aleatoric[at]!) / seen;
        // Welford's update, as in `spreadOf`.
        const delta = values[at]! - centre[at]!;
        centre[at]! += delta / seen;
        epistemic[at]! += delta * (values[at]! - centre[at]!);
      }
    }
  }
  for (let at = 0; at < epistemic.length; at++) {
    epistemic[at]! /= Math.max(1, count[Math.floor(at / outputs)]!);
  }
  return { aleatoric, epistemic };
}

/**
 * Mean over values of the negative log density of the equal-weight mixture of the members, exact (by
 * log-sum-exp over members and their components), in nats, for original target units.
 */
export function mixtureNll(members: Members, truth: Truth): number {
  requireSameRows(members, truth);
  if (truth.task === "classification") throw noDensity("of a regression", truth.task);
  const { rows, outputs } = members;
  const most = members.members.reduce((sum, own) => sum + (own.distribution?.components ?? 0), 0);
  const terms = new Float64Array(most);
  let total = 0;
  for (let row = 0; row < rows; row++) {
    for (let at = row * outputs; at < (row + 1) * outputs; at++) {
      let used = 0;
      let present = 0;
      for (const { member, present: seen, distribution } of members.members) {
        if (seen !== undefined && seen[row] === 0) continue;
        present++;
        const { components, weights, means, variances } = requireDistribution(member, distribution);
        for (let i = at * components; i < (at + 1) * components; i++) {
          if (weights[i]! <= 0) continue;
          const error = truth.values[at]! - means[i]!;
          const variance = variances[i]!;
          const spread = LOG_2_PI + elementary.log(variance) + (error * error) / variance;
          terms[used++] = elementary.log(weights[i]!) - spread / 2;
        }
      }
      total -= logSumExp(terms, used) - elementary.log(present);
    }
  }
  return total / truth.values.length;
}

function logSumExp(terms: Float64Array, count: number): number {
  let top = -Infinity;
  for (let i = 0; i < count; i++) top = Math.max(top, terms[i]!);
  let sum = 0;
  for (let i = 0; i < count; i++) sum += elementary.exp(terms[i]! - top);
  return top + elementary.log(sum);
}

function requireDistribution(member: number, distribution: Distribution | undefined) {
  if (distribution !== undefined) return distribution;
  throw noDensity("given by every member", `none by member ${member}`);
}

function noDensity(condition: string, got: string): ManyfoldError {
  return new ManyfoldError({
    code: "internal",
    path: "predictive distribution",
    condition,
    got: show(got),
    help: "Give the model an output that predicts one (gaussian, mixture), or use withNoise.",
  });
}
