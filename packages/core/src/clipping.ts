import { type Clip, match } from "@manyfold/protocol";

/** Shortens a flat float32 gradient where it is too long; returns whether it was. */
export type Clipping = (gradient: Float32Array) => boolean;

/**
 * Gradient clipping (Goodfellow, Bengio, Courville 2016, section 10.11.1; Pascanu et al. 2013).
 *
 * - norm: g is scaled by v / |g| where |g| > v; the norm is that of all parameters together, its
 *   squares summed in float64 in ascending order (equation 10.49)
 * - value: each component is kept within -v and v
 *
 * What is not finite stays so and is found as such.
 */
export function clippingOf(clip: Clip): Clipping {
  return match<Clip, Clipping>(clip, {
    norm: (largest) => (gradient) => {
      let squares = 0;
      for (let i = 0; i < gradient.length; i++) squares += gradient[i]! * gradient[i]!;
      const norm = Math.sqrt(squares);
      if (!(norm > largest) || norm === Infinity) return false;
      const by = Math.fround(largest / norm);
      for (let i = 0; i < gradient.length; i++) gradient[i] = Math.fround(gradient[i]! * by);
      return true;
    },
    value: (largest) => {
      const limit = Math.fround(largest);
      return (gradient) => {
        let clipped = false;
        for (let i = 0; i < gradient.length; i++) {
          const g = gradient[i]!;
          if (g > limit && g < Infinity) gradient[i] = limit;
          else if (g < -limit && g > -Infinity) gradient[i] = -limit;
          else continue;
          clipped = true;
        }
        return clipped;
      };
    },
  });
}
