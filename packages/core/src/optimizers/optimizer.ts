import type { Values } from "../kernels/kernels.ts";
import { MOMENTUM, type OptimizerRule, type UpdateTable } from "./rules.ts";

/** An update rule at work on one flat buffer of parameters. */
export interface RunningOptimizer<V extends Values> {
  /**
   * Moves `weights` by one step; allocates nothing.
   *
   * @param gradient `[parameters]`, left as it is
   * @param factor the schedule's factor on the rule's rate (1 without a schedule)
   * @param momentum instead of the rule's own, for rules that have one
   */
  readonly step: (weights: V, gradient: V, factor: number, momentum?: number) => void;
}

/**
 * Starts a rule: zeroes its slots, and the next step is the first.
 *
 * @param slots as many arrays `[parameters]` as the rule asks for
 * @param coefficients room for `COEFFICIENTS` numbers, in the updates' number format
 * @param taken steps taken in an earlier part of the training
 */
export function startOptimizer<V extends Values>(
  rule: OptimizerRule,
  updates: UpdateTable<V>,
  slots: readonly V[],
  coefficients: V,
  taken = 0,
): RunningOptimizer<V> {
  const update = updates[rule.name];
  for (const [i, slot] of slots.entries()) slot.fill(i === 0 ? (rule.initial ?? 0) : 0);
  let t = taken;
  return {
    step(weights, gradient, factor, momentum) {
      t += 1;
      rule.coefficients(coefficients, rule.lr * factor, t);
      if (momentum !== undefined) coefficients[MOMENTUM] = momentum;
      update(weights, gradient, slots, coefficients);
    },
  };
}
