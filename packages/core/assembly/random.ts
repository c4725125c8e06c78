// What src/rng.ts draws, where it is drawn often.

/** Where the four words of a Philox block lie. */
const BLOCK: usize = 0;

/** Philox4x32-10 of counter (c0, 0, c2, 0), as in src/rng.ts; the words go to {@link BLOCK}. */
// @ts-ignore: decorator
@inline
function philox(c0: u32, c2: u32, k0: u32, k1: u32): void {
  let c1: u32 = 0;
  let c3: u32 = 0;
  for (let round = 0; round < 10; round++) {
    const p0 = <u64>0xd2511f53 * <u64>c0;
    const p1 = <u64>0xcd9e8d57 * <u64>c2;
    c0 = <u32>(p1 >>> 32) ^ c1 ^ k0;
    c1 = <u32>p1;
    c2 = <u32>(p0 >>> 32) ^ c3 ^ k1;
    c3 = <u32>p0;
    k0 += 0x9e3779b9;
    k1 += 0xbb67ae85;
  }
  store<u32>(BLOCK, c0);
  store<u32>(BLOCK, c1, 4);
  store<u32>(BLOCK, c2, 8);
  store<u32>(BLOCK, c3, 12);
}

/**
 * y = x times `by` where an element's word is at most `last`, else 0; elements of all rows of `row`
 * numbers share a mask.
 */
export function dropout(
  x: usize,
  y: usize,
  n: i32,
  row: i32,
  last: u32,
  by: f32,
  k0: u32,
  k1: u32,
): void {
  const lasts = i32x4.splat(last);
  const factor = f32x4.splat(by);
  const stride = (<usize>row) << 2;
  const end = (<usize>n) << 2;
  for (let i = 0; i < row; i += 4) {
    philox(i >>> 2, 0, k0, k1);
    const kept = i32x4.le_u(v128.load(BLOCK), lasts);
    const first = (<usize>i) << 2;
    const count = min(4, row - i);
    if (count == 4) {
      for (let at = first; at < end; at += stride) {
        v128.store(y + at, v128.and(f32x4.mul(v128.load(x + at), factor), kept));
      }
    } else {
      for (let at = first; at < end; at += stride) {
        for (let word = 0; word < count; word++) {
          const p = at + ((<usize>word) << 2);
          const keeps = load<u32>(BLOCK + ((<usize>word) << 2)) <= last;
          store<f32>(y + p, keeps ? load<f32>(x + p) * by : 0);
        }
      }
    }
  }
}

/** The permutation of 0..n-1 under a key, as `permutation` of src/rng.ts draws it, into 32-bit words. */
export function permute(out: usize, n: i32, k0: u32, k1: u32): void {
  for (let i = 0; i < n; i++) store<u32>(out + ((<usize>i) << 2), i);
  for (let i = n - 1; i > 0; i--) {
    const below = <u32>(i + 1);
    const limit: u64 = <u64>0x100000000 - (<u64>0x100000000 % <u64>below);
    let j: u32 = 0;
    let found = false;
    for (let attempt: u32 = 1; !found; attempt++) {
      philox(i, attempt, k0, k1);
      for (let word: usize = 0; word < 16; word += 4) {
        const value = load<u32>(BLOCK + word);
        if (<u64>value < limit) {
          j = value % below;
          found = true;
          break;
        }
      }
    }
    const p = out + ((<usize>i) << 2);
    const q = out + ((<usize>j) << 2);
    const held = load<u32>(p);
    store<u32>(p, load<u32>(q));
    store<u32>(q, held);
  }
}
