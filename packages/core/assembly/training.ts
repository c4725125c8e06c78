// The optimizers of src/optimizers/float32.ts and the regularizers of src/regularizers.ts, operation
// by operation, over flat buffers. Each loop's body is
// inlined twice: for whole vectors, with a `rest` of 0, and for what is left of the last one.
import { all, choose, loadRest, storeRest } from "./lanes";

/** Four numbers, or the `rest` that is left. */
// @ts-ignore: decorator
@inline
function read(p: usize, rest: i32): v128 {
  return rest ? loadRest(p, rest) : v128.load(p);
}

// @ts-ignore: decorator
@inline
function write(p: usize, lanes: v128, rest: i32): void {
  if (rest) storeRest(p, lanes, rest);
  else v128.store(p, lanes);
}

// @ts-ignore: decorator
@inline
function sgdAt(w: usize, g: usize, rate: f32, rest: i32): void {
  write(w, f32x4.sub(read(w, rest), f32x4.mul(all(rate), read(g, rest))), rest);
}

export function sgd(w: usize, g: usize, n: i32, rate: f32): void {
  for (let left = n >> 2; left > 0; left--) {
    sgdAt(w, g, rate, 0);
    w += 16;
    g += 16;
  }
  if (n & 3) sgdAt(w, g, rate, n & 3);
}

// @ts-ignore: decorator
@inline
function momentumAt(w: usize, g: usize, v: usize, rate: f32, alpha: f32, rest: i32): void {
  const step = f32x4.mul(all(rate), read(g, rest));
  const velocity = f32x4.sub(f32x4.mul(all(alpha), read(v, rest)), step);
  write(v, velocity, rest);
  write(w, f32x4.add(read(w, rest), velocity), rest);
}

export function momentum(w: usize, g: usize, v: usize, n: i32, rate: f32, alpha: f32): void {
  for (let left = n >> 2; left > 0; left--) {
    momentumAt(w, g, v, rate, alpha, 0);
    w += 16;
    g += 16;
    v += 16;
  }
  if (n & 3) momentumAt(w, g, v, rate, alpha, n & 3);
}

// @ts-ignore: decorator
@inline
function nesterovAt(w: usize, g: usize, v: usize, rate: f32, alpha: f32, rest: i32): void {
  const step = f32x4.mul(all(rate), read(g, rest));
  const velocity = f32x4.sub(f32x4.mul(all(alpha), read(v, rest)), step);
  write(v, velocity, rest);
  const ahead = f32x4.add(read(w, rest), f32x4.mul(all(alpha), velocity));
  write(w, f32x4.sub(ahead, step), rest);
}

export function nesterov(w: usize, g: usize, v: usize, n: i32, rate: f32, alpha: f32): void {
  for (let left = n >> 2; left > 0; left--) {
    nesterovAt(w, g, v, rate, alpha, 0);
    w += 16;
    g += 16;
    v += 16;
  }
  if (n & 3) nesterovAt(w, g, v, rate, alpha, n & 3);
}

// @ts-ignore: decorator
@inline
function adagradAt(w: usize, g: usize, r: usize, rate: f32, delta: f32, rest: i32): void {
  const gradient = read(g, rest);
  const squares = f32x4.add(read(r, rest), f32x4.mul(gradient, gradient));
  write(r, squares, rest);
  const step = f32x4.div(
    f32x4.mul(all(rate), gradient),
    f32x4.add(all(delta), f32x4.sqrt(squares)),
  );
  write(w, f32x4.sub(read(w, rest), step), rest);
}

export function adagrad(w: usize, g: usize, r: usize, n: i32, rate: f32, delta: f32): void {
  for (let left = n >> 2; left > 0; left--) {
    adagradAt(w, g, r, rate, delta, 0);
    w += 16;
    g += 16;
    r += 16;
  }
  if (n & 3) adagradAt(w, g, r, rate, delta, n & 3);
}

// @ts-ignore: decorator
@inline
function rmspropAt(w: usize, g: usize, r: usize, rate: f32, decay: f32, fresh: f32, delta: f32, rest: i32): void {
  const gradient = read(g, rest);
  const squares = f32x4.add(
    f32x4.mul(all(decay), read(r, rest)),
    f32x4.mul(all(fresh), f32x4.mul(gradient, gradient)),
  );
  write(r, squares, rest);
  const step = f32x4.div(
    f32x4.mul(all(rate), gradient),
    f32x4.sqrt(f32x4.add(all(delta), squares)),
  );
  write(w, f32x4.sub(read(w, rest), step), rest);
}

export function rmsprop(w: usize, g: usize, r: usize, n: i32, rate: f32, decay: f32, fresh: f32, delta: f32): void {
  for (let left = n >> 2; left > 0; left--) {
    rmspropAt(w, g, r, rate, decay, fresh, delta, 0);
    w += 16;
    g += 16;
    r += 16;
  }
  if (n & 3) rmspropAt(w, g, r, rate, decay, fresh, delta, n & 3);
}

/** One vector of Adam: moments s and r moved on, and the step that follows from them. */
// @ts-ignore: decorator
@inline
function adamStep(
  g: v128,
  s: usize,
  r: usize,
  rest: i32,
  rate: f32,
  beta1: f32,
  fresh1: f32,
  beta2: f32,
  fresh2: f32,
  scale: f32,
  delta: f32,
): v128 {
  const mean = f32x4.add(f32x4.mul(all(beta1), read(s, rest)), f32x4.mul(all(fresh1), g));
  const square = f32x4.add(
    f32x4.mul(all(beta2), read(r, rest)),
    f32x4.mul(all(fresh2), f32x4.mul(g, g)),
  );
  write(s, mean, rest);
  write(r, square, rest);
  return f32x4.div(
    f32x4.mul(all(rate), mean),
    f32x4.add(f32x4.mul(f32x4.sqrt(square), all(scale)), all(delta)),
  );
}

// @ts-ignore: decorator
@inline
function adamAt(
  w: usize,
  g: usize,
  s: usize,
  r: usize,
  rate: f32,
  beta1: f32,
  fresh1: f32,
  beta2: f32,
  fresh2: f32,
  scale: f32,
  delta: f32,
  rest: i32,
): void {
  const step = adamStep(
    read(g, rest), s, r, rest, rate, beta1, fresh1, beta2, fresh2, scale, delta,
  );
  write(w, f32x4.sub(read(w, rest), step), rest);
}

// @ts-ignore: decorator
@inline
function moved(old: v128, beta: f32, fresh: f32, by: v128): v128 {
  return f32x4.add(f32x4.mul(all(beta), old), f32x4.mul(all(fresh), by));
}

// @ts-ignore: decorator
@inline
function adamChange(mean: v128, square: v128, rate: f32, scale: f32, delta: f32): v128 {
  return f32x4.div(
    f32x4.mul(all(rate), mean),
    f32x4.add(f32x4.mul(f32x4.sqrt(square), all(scale)), all(delta)),
  );
}

export function adam(
  w: usize,
  g: usize,
  s: usize,
  r: usize,
  n: i32,
  rate: f32,
  beta1: f32,
  fresh1: f32,
  beta2: f32,
  fresh2: f32,
  scale: f32,
  delta: f32,
): void {
  // Two vectors at once, all loads before all stores and these side by side: what an engine needs to
  // join them to 256 bits.
  for (let left = n >> 3; left > 0; left--) {
    const g0 = v128.load(g);
    const g1 = v128.load(g, 16);
    const s0 = moved(v128.load(s), beta1, fresh1, g0);
    const s1 = moved(v128.load(s, 16), beta1, fresh1, g1);
    const r0 = moved(v128.load(r), beta2, fresh2, f32x4.mul(g0, g0));
    const r1 = moved(v128.load(r, 16), beta2, fresh2, f32x4.mul(g1, g1));
    const w0 = f32x4.sub(v128.load(w), adamChange(s0, r0, rate, scale, delta));
    const w1 = f32x4.sub(v128.load(w, 16), adamChange(s1, r1, rate, scale, delta));
    v128.store(s, s0);
    v128.store(s, s1, 16);
    v128.store(r, r0);
    v128.store(r, r1, 16);
    v128.store(w, w0);
    v128.store(w, w1, 16);
    w += 32;
    g += 32;
    s += 32;
    r += 32;
  }
  for (let left = (n >> 2) & 1; left > 0; left--) {
    adamAt(w, g, s, r, rate, beta1, fresh1, beta2, fresh2, scale, delta, 0);
    w += 16;
    g += 16;
    s += 16;
    r += 16;
  }
  if (n & 3) adamAt(w, g, s, r, rate, beta1, fresh1, beta2, fresh2, scale, delta, n & 3);
}

// @ts-ignore: decorator
@inline
function adamwAt(w: usize, g: usize, s: usize, r: usize, rate: f32, beta1: f32, fresh1: f32, beta2: f32, fresh2: f32, scale: f32, delta: f32, decay: f32, rest: i32): void {
  const step = adamStep(
    read(g, rest), s, r, rest, rate, beta1, fresh1, beta2, fresh2, scale, delta,
  );
  const weights = read(w, rest);
  const decayed = f32x4.sub(weights, f32x4.mul(all(decay), weights));
  write(w, f32x4.sub(decayed, step), rest);
}

export function adamw(w: usize, g: usize, s: usize, r: usize, n: i32, rate: f32, beta1: f32, fresh1: f32, beta2: f32, fresh2: f32, scale: f32, delta: f32, decay: f32): void {
  for (let left = n >> 2; left > 0; left--) {
    adamwAt(w, g, s, r, rate, beta1, fresh1, beta2, fresh2, scale, delta, decay, 0);
    w += 16;
    g += 16;
    s += 16;
    r += 16;
  }
  if (n & 3) adamwAt(w, g, s, r, rate, beta1, fresh1, beta2, fresh2, scale, delta, decay, n & 3);
}

/** g += alpha w. */
// @ts-ignore: decorator
@inline
function l2At(w: usize, g: usize, alpha: f32, rest: i32): void {
  write(g, f32x4.add(read(g, rest), f32x4.mul(all(alpha), read(w, rest))), rest);
}

export function l2(w: usize, g: usize, n: i32, alpha: f32): void {
  for (let left = n >> 2; left > 0; left--) {
    l2At(w, g, alpha, 0);
    w += 16;
    g += 16;
  }
  if (n & 3) l2At(w, g, alpha, n & 3);
}

/** g += alpha sign(w), and g itself where w is 0. */
// @ts-ignore: decorator
@inline
function l1At(w: usize, g: usize, alpha: f32, rest: i32): void {
  const weights = read(w, rest);
  const gradient = read(g, rest);
  const up = f32x4.add(gradient, all(alpha));
  const down = f32x4.sub(gradient, all(alpha));
  const moved = choose(
    f32x4.gt(weights, all(0)),
    up,
    choose(f32x4.lt(weights, all(0)), down, gradient),
  );
  write(g, moved, rest);
}

export function l1(w: usize, g: usize, n: i32, alpha: f32): void {
  for (let left = n >> 2; left > 0; left--) {
    l1At(w, g, alpha, 0);
    w += 16;
    g += 16;
  }
  if (n & 3) l1At(w, g, alpha, n & 3);
}

/** min(1, largest / norm) of two units from their sums of squares. */
// @ts-ignore: decorator
@inline
function shrink(squares: v128, largest: f64): v128 {
  const most = f64x2.splat(largest);
  const norms = f64x2.sqrt(squares);
  return choose(f64x2.gt(norms, most), f64x2.div(most, norms), f64x2.splat(1));
}

/** Scales each column of w `[inputs, units]` whose norm, summed in float64, exceeds `largest`. */
export function maxNorm(w: usize, inputs: i32, units: i32, largest: f64): void {
  const stride = (<usize>units) << 2;
  for (let left = units; left > 0; left -= 4) {
    const rest = left < 4 ? left : 0;
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    let at = w;
    for (let row = 0; row < inputs; row++) {
      const lanes = read(at, rest);
      const a = f64x2.promote_low_f32x4(lanes);
      const b = f64x2.promote_low_f32x4(v128.shuffle<f64>(lanes, lanes, 1, 1));
      low = f64x2.add(low, f64x2.mul(a, a));
      high = f64x2.add(high, f64x2.mul(b, b));
      at += stride;
    }
    const scales = v128.shuffle<f64>(
      f32x4.demote_f64x2_zero(shrink(low, largest)),
      f32x4.demote_f64x2_zero(shrink(high, largest)),
      0,
      2,
    );
    if (v128.any_true(f32x4.ne(scales, all(1)))) {
      at = w;
      for (let row = 0; row < inputs; row++) {
        write(at, f32x4.mul(read(at, rest), scales), rest);
        at += stride;
      }
    }
    w += 16;
  }
}
