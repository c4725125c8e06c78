/**
 * What a b + c comes to in this module. With a = b = 1 + 2^-12 and c = -1 - 2^-11 it is 2^-24 where
 * multiplication and addition are fused, 0 where the product is rounded first. An engine may accept
 * the fused instruction and not fuse.
 */
import { madd } from "./lanes";

export function multiplyAdd(a: f32, b: f32, c: f32): f32 {
  return f32x4.extract_lane(madd(f32x4.splat(a), f32x4.splat(b), f32x4.splat(c)), 0);
}
