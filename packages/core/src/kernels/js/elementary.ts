import * as single from "../../math/float32.ts";
import * as double from "../../math/float64.ts";
import type { Dtype } from "../kernels.ts";

/** The functions that a number format computes by itself; each result is rounded to the format. */
export interface Elementary {
  readonly round: (x: number) => number;
  readonly exp: (x: number) => number;
  readonly expm1: (x: number) => number;
  readonly log: (x: number) => number;
  readonly log1p: (x: number) => number;
  readonly sigmoid: (x: number) => number;
  readonly tanh: (x: number) => number;
  readonly softplus: (x: number) => number;
  readonly erf: (x: number) => number;
}

export const ELEMENTARY: { readonly [D in Dtype]: Elementary } = {
  float32: {
    round: Math.fround,
    exp: single.exp32,
    expm1: single.expm132,
    log: single.log32,
    log1p: single.log1p32,
    sigmoid: single.sigmoid32,
    tanh: single.tanh32,
    softplus: single.softplus32,
    // Computed in double precision by every set: it is too rare for lanes of its own.
    erf: (x) => Math.fround(double.erf(x)),
  },
  float64: {
    round: (x) => x,
    exp: double.exp,
    expm1: double.expm1,
    log: double.log,
    log1p: double.log1p,
    sigmoid: double.sigmoid,
    tanh: double.tanh,
    softplus: double.softplus,
    erf: double.erf,
  },
};
