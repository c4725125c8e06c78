import { madd } from "./lanes";

/**
 * a b + c as this module computes it, so that a caller sees whether it is rounded once: an engine may
 * accept the fused instruction and not fuse.
 */
export function multiplyAdd(a: f32, b: f32, c: f32): f32 {
  return f32x4.extract_lane(madd(f32x4.splat(a), f32x4.splat(b), f32x4.splat(c)), 0);
}
