import { axisLayout } from "../../shape.ts";
import type { Bind, KernelTable, Values } from "../kernels.ts";
import { ELEMENTARY } from "./elementary.ts";
import { operand, result } from "./elementwise.ts";

/**
 * One accumulator an output, from 0, in ascending index order. The accumulators are the outputs
 * themselves, so that storing rounds each sum to the number format.
 */
const sum: Bind<"sum"> = (step, arena) => {
  const x = operand(step, 0, arena);
  const y = result(step, arena);
  const { axis } = step.attributes;
  const { outer, length, inner } =
    axis === "all"
      ? { outer: 1, length: x.length, inner: 1 }
      : axisLayout(step.inputShapes[0]!, axis);
  return () => {
    y.fill(0);
    let at = 0;
    for (let o = 0; o < outer; o++) {
      const to = o * inner;
      for (let l = 0; l < length; l++) {
        for (let i = 0; i < inner; i++) y[to + i] = y[to + i]! + x[at++]!;
      }
    }
  };
};

/** The largest of a run, what exponents are shifted by; 0 where it is not finite. */
function shiftOf(x: Values, from: number, length: number): number {
  let largest = x[from]!;
  for (let i = 1; i < length; i++) {
    const value = x[from + i]!;
    if (value > largest) largest = value;
  }
  return Math.abs(largest) < Infinity ? largest : 0;
}

/** m + log Σ e^(x - m), m the largest. */
const logSumExp: Bind<"logSumExp"> = (step, arena) => {
  const x = operand(step, 0, arena);
  const y = result(step, arena);
  const length = step.inputShapes[0]!.at(-1)!;
  const { round, exp, log } = ELEMENTARY[arena.dtype];
  return () => {
    for (let row = 0; row < y.length; row++) {
      const from = row * length;
      const m = shiftOf(x, from, length);
      let total = 0;
      for (let i = 0; i < length; i++) total = round(total + exp(round(x[from + i]! - m)));
      y[row] = m + log(total);
    }
  };
};

const softmax: Bind<"softmax"> = (step, arena) => {
  const x = operand(step, 0, arena);
  const y = result(step, arena);
  const length = step.shape.at(-1)!;
  const { round, exp } = ELEMENTARY[arena.dtype];
  return () => {
    for (let from = 0; from < y.length; from += length) {
      const m = shiftOf(x, from, length);
      let total = 0;
      for (let i = 0; i < length; i++) {
        const e = exp(round(x[from + i]! - m));
        y[from + i] = e;
        total = round(total + e);
      }
      for (let i = 0; i < length; i++) y[from + i] = y[from + i]! / total;
    }
  };
};

const logSoftmax: Bind<"logSoftmax"> = (step, arena) => {
  const x = operand(step, 0, arena);
  const y = result(step, arena);
  const length = step.shape.at(-1)!;
  const { round, exp, log } = ELEMENTARY[arena.dtype];
  return () => {
    for (let from = 0; from < y.length; from += length) {
      const m = shiftOf(x, from, length);
      let total = 0;
      for (let i = 0; i < length; i++) {
        const z = round(x[from + i]! - m);
        y[from + i] = z;
        total = round(total + exp(z));
      }
      const logTotal = log(total);
      for (let i = 0; i < length; i++) y[from + i] = y[from + i]! - logTotal;
    }
  };
};

export const REDUCTIONS: Pick<KernelTable, "sum" | "logSumExp" | "softmax" | "logSoftmax"> = {
  sum,
  logSumExp,
  softmax,
  logSoftmax,
};
