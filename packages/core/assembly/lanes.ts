// What every kernel is made of. Decorators are no TypeScript, hence the comments before them.

/** a b + c in each lane: rounded once in the fused module, after each operation in the plain one. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** a in the lanes where the mask is set, else b. */
// @ts-ignore: decorator
@inline
export function choose(mask: v128, a: v128, b: v128): v128 {
  return v128.bitselect(a, b, mask);
}

/** A number in all lanes. */
// @ts-ignore: decorator
@inline
export function all(x: f32): v128 {
  return f32x4.splat(x);
}

/** The first one, two or three numbers at p; the other lanes are 0. */
// @ts-ignore: decorator
@inline
export function loadRest(p: usize, count: i32): v128 {
  let lanes = v128.load_zero<f32>(p);
  if (count > 1) lanes = v128.load_lane<f32>(p, lanes, 1, 4);
  if (count > 2) lanes = v128.load_lane<f32>(p, lanes, 2, 8);
  return lanes;
}

/** Writes the first one, two or three lanes. */
// @ts-ignore: decorator
@inline
export function storeRest(p: usize, lanes: v128, count: i32): void {
  v128.store_lane<f32>(p, lanes, 0);
  if (count > 1) v128.store_lane<f32>(p, lanes, 1, 4);
  if (count > 2) v128.store_lane<f32>(p, lanes, 2, 8);
}

/** Where whole vectors end in a run of n numbers from p. */
// @ts-ignore: decorator
@inline
export function wholeEnd(p: usize, n: i32): usize {
  return p + ((<usize>(n & ~3)) << 2);
}
