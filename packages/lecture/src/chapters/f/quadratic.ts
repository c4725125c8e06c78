import type { SmoothObjective } from "@manyfold/core";

/** ½ Σ h (w - 1)², and its Hessian. */
export function quadratic(h: readonly number[]): SmoothObjective {
  return {
    size: h.length,
    evaluate: (w, gradient) => {
      h.forEach((own, i) => (gradient[i] = own * (w[i]! - 1)));
      return 0.5 * h.reduce((sum, own, i) => sum + own * (w[i]! - 1) ** 2, 0);
    },
    curvature: (_, v) => v.map((own, i) => own * h[i]!),
  };
}
