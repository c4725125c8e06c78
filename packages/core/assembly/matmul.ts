import { loadRest, storeRest, wholeEnd } from "./lanes";
import {
  tile1x4,
  tile1x8,
  tile1x12,
  tile1x16,
  tile2x4,
  tile2x8,
  tile2x12,
  tile2x16,
  tile4x4,
  tile4x8,
  tile4x16,
  tile6x16,
  tile8x4,
} from "./tiles";

/** Terms of a sum that are taken at once: a panel of b then fits the first cache. */
const TERMS: i32 = 256;
/** Columns of b that are packed at once: whole runs of its rows are then read, not a line of each. */
const GROUP: i32 = 64;
/** Panels of b, `[terms][width]` each. */
const PANELS: usize = 0;
/** A block of c whose columns are not a multiple of four. */
const EDGE: usize = PANELS + <usize>TERMS * <usize>GROUP * 4;
/** Rows of a in strips, `[strip][terms][rows of a strip]`. */
const STRIPS: usize = EDGE + 1024;
const STRIPS_FLOATS: i32 = 65536;

/** Register blocks; all give equal bits. */
const BLOCK_2X16: i32 = 0;
const BLOCK_4X8: i32 = 1;
const BLOCK_6X16: i32 = 2;
const BLOCK_4X16: i32 = 3;

/**
 * c = a b, `[m, n]` from `[m, k]` and `[k, n]`; each sum in ascending order of k from 0. Strides in
 * bytes, so that a transposed matrix is one with exchanged strides.
 *
 * @param packA whether a is copied into strips (else it is read where it is)
 * @param packB whether b is copied into panels; it must be where its columns are not adjacent
 */
export function matmul(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  ars: usize,
  aks: usize,
  b: usize,
  bks: usize,
  bcs: usize,
  c: usize,
  block: i32,
  packA: i32,
  packB: i32,
): void {
  const cs = (<usize>n) << 2;
  clear(c, m * n);
  const width = block == BLOCK_4X8 ? 8 : 16;
  const height = block == BLOCK_2X16 ? 2 : block == BLOCK_6X16 ? 6 : 4;
  for (let k0 = 0; k0 < k; k0 += TERMS) {
    const terms = min(TERMS, k - k0);
    const most = (STRIPS_FLOATS / terms / height) * height;
    for (let m0 = 0; m0 < m; m0 += most) {
      const rows = min(most, m - m0);
      const from = a + <usize>m0 * ars + <usize>k0 * aks;
      if (packA) packStrips(from, ars, aks, rows, terms, height);
      for (let n0 = 0; n0 < n; n0 += width) {
        const columns = min(width, n - n0);
        const bAt = b + <usize>k0 * bks + <usize>n0 * bcs;
        const cAt = c + <usize>m0 * cs + ((<usize>n0) << 2);
        const wide = (columns + 3) & ~3;
        let panel = bAt;
        let stride = bks;
        if (packB && bcs == 4 && width == 16 && columns == 16) {
          const within = n0 & (GROUP - 1);
          if (within == 0) packGroup(bAt, bks, min(GROUP, (n - n0) & ~15), terms);
          panel = PANELS + (<usize>(within * terms) << 2);
          stride = 64;
        } else if (packB || columns < wide) {
          panel = PANELS;
          stride = (<usize>wide) << 2;
          packPanel(bAt, bks, bcs, columns, wide, terms);
        }
        if (columns < wide) {
          edge(rows, columns, wide, terms, from, ars, aks, packA ? height : 0, panel, stride, cAt, cs);
        } else if (packA) {
          strips(rows, wide, terms, height, panel, stride, cAt, cs);
        } else if (wide == 16 && block == BLOCK_4X16 && ars == 4) {
          let r = 0;
          for (; r + 4 <= rows; r += 4) {
            tile4x16(terms, from + <usize>r * 4, aks, panel, stride, cAt + <usize>r * cs, cs);
          }
          few(rows - r, wide, terms, from + <usize>r * 4, ars, aks, panel, stride, cAt + <usize>r * cs, cs);
        } else if (wide == 16 && block == BLOCK_6X16 && ars == 4) {
          let r = 0;
          for (; r + 6 <= rows; r += 6) {
            tile6x16(terms, from + <usize>r * 4, aks, panel, stride, cAt + <usize>r * cs, cs);
          }
          if (rows - r >= 4) {
            tile4x16(terms, from + <usize>r * 4, aks, panel, stride, cAt + <usize>r * cs, cs);
            r += 4;
          }
          few(rows - r, wide, terms, from + <usize>r * 4, ars, aks, panel, stride, cAt + <usize>r * cs, cs);
        } else {
          few(rows, wide, terms, from, ars, aks, panel, stride, cAt, cs);
        }
      }
    }
  }
}

/** Rows of a from packed strips. */
function strips(
  rows: i32,
  wide: i32,
  terms: i32,
  height: i32,
  panel: usize,
  stride: usize,
  c: usize,
  cs: usize,
): void {
  let strip = STRIPS;
  const aks = (<usize>height) << 2;
  const next = aks * <usize>terms;
  let r = 0;
  for (; r + height <= rows; r += height) {
    if (height == 6 && wide == 16) tile6x16(terms, strip, 24, panel, stride, c, cs);
    else if (height == 4 && wide == 16) tile4x16(terms, strip, 16, panel, stride, c, cs);
    else few(height, wide, terms, strip, 4, aks, panel, stride, c, cs);
    strip += next;
    c += <usize>height * cs;
  }
  // A strip of four rows is what is left of 64 after strips of six.
  if (rows - r == 4 && wide == 16) tile4x16(terms, strip, 16, panel, stride, c, cs);
  else if (r < rows) few(rows - r, wide, terms, strip, 4, (<usize>(rows - r)) << 2, panel, stride, c, cs);
}

/** Any rows of a, by the largest blocks of that width. */
function few(
  rows: i32,
  wide: i32,
  terms: i32,
  a: usize,
  ars: usize,
  aks: usize,
  panel: usize,
  stride: usize,
  c: usize,
  cs: usize,
): void {
  if (wide == 16) {
    for (; rows >= 2; rows -= 2) {
      tile2x16(terms, a, ars, aks, panel, stride, c, cs);
      a += 2 * ars;
      c += 2 * cs;
    }
    if (rows) tile1x16(terms, a, ars, aks, panel, stride, c, cs);
  } else if (wide == 8) {
    for (; rows >= 4; rows -= 4) {
      tile4x8(terms, a, ars, aks, panel, stride, c, cs);
      a += 4 * ars;
      c += 4 * cs;
    }
    if (rows >= 2) {
      tile2x8(terms, a, ars, aks, panel, stride, c, cs);
      a += 2 * ars;
      c += 2 * cs;
      rows -= 2;
    }
    if (rows) tile1x8(terms, a, ars, aks, panel, stride, c, cs);
  } else if (wide == 12) {
    for (; rows >= 2; rows -= 2) {
      tile2x12(terms, a, ars, aks, panel, stride, c, cs);
      a += 2 * ars;
      c += 2 * cs;
    }
    if (rows) tile1x12(terms, a, ars, aks, panel, stride, c, cs);
  } else {
    for (; rows >= 8; rows -= 8) {
      tile8x4(terms, a, ars, aks, panel, stride, c, cs);
      a += 8 * ars;
      c += 8 * cs;
    }
    if (rows >= 4) {
      tile4x4(terms, a, ars, aks, panel, stride, c, cs);
      a += 4 * ars;
      c += 4 * cs;
      rows -= 4;
    }
    if (rows >= 2) {
      tile2x4(terms, a, ars, aks, panel, stride, c, cs);
      a += 2 * ars;
      c += 2 * cs;
      rows -= 2;
    }
    if (rows) tile1x4(terms, a, ars, aks, panel, stride, c, cs);
  }
}

/** The last columns, not a multiple of four: computed beside c, in whole vectors. */
function edge(
  rows: i32,
  columns: i32,
  wide: i32,
  terms: i32,
  a: usize,
  ars: usize,
  aks: usize,
  height: i32,
  panel: usize,
  stride: usize,
  c: usize,
  cs: usize,
): void {
  const es = (<usize>wide) << 2;
  for (let r = 0; r < rows; ) {
    let count = min(8, rows - r);
    let from = a + <usize>r * ars;
    let rs = ars;
    let ks = aks;
    if (height) {
      count = min(height, rows - r);
      from = STRIPS + (<usize>(r * terms) << 2);
      rs = 4;
      ks = (<usize>count) << 2;
    }
    for (let i = 0; i < count; i++) copyRow(EDGE + <usize>i * es, c + <usize>i * cs, columns);
    few(count, wide, terms, from, rs, ks, panel, stride, EDGE, es);
    for (let i = 0; i < count; i++) copyRow(c + <usize>i * cs, EDGE + <usize>i * es, columns);
    r += count;
    c += <usize>count * cs;
  }
}

/** Zeros; small runs without a call into the engine. */
function clear(p: usize, n: i32): void {
  if (n > 512) {
    memory.fill(p, 0, (<usize>n) << 2);
    return;
  }
  const zero = f32x4.splat(0);
  const end = wholeEnd(p, n);
  while (p < end) {
    v128.store(p, zero);
    p += 16;
  }
  const rest = n & 3;
  if (rest) storeRest(p, zero, rest);
}

/** Copies fewer than 16 numbers. */
// @ts-ignore: decorator
@inline
function copyRow(to: usize, from: usize, n: i32): void {
  const end = wholeEnd(from, n);
  while (from < end) {
    v128.store(to, v128.load(from));
    from += 16;
    to += 16;
  }
  const rest = n & 3;
  if (rest) storeRest(to, loadRest(from, rest), rest);
}

/** Copies rows of a into strips of `height`, the last one lower. */
function packStrips(
  a: usize,
  ars: usize,
  aks: usize,
  rows: i32,
  terms: i32,
  height: i32,
): void {
  let to = STRIPS;
  for (let r = 0; r < rows; r += height) {
    const count = min(height, rows - r);
    packInterleaved(a + <usize>r * ars, ars, aks, count, terms, to);
    to += (<usize>(count * terms)) << 2;
  }
}

/** `[terms][count]` from `count` runs of `terms`. */
function packInterleaved(
  from: usize,
  run: usize,
  term: usize,
  count: i32,
  terms: i32,
  to: usize,
): void {
  if (run == 4) {
    // The runs lie side by side.
    for (let k = 0; k < terms; k++) {
      let i = 0;
      for (; i + 4 <= count; i += 4) v128.store(to + ((<usize>i) << 2), v128.load(from + ((<usize>i) << 2)));
      for (; i < count; i++) store<f32>(to + ((<usize>i) << 2), load<f32>(from + ((<usize>i) << 2)));
      from += term;
      to += (<usize>count) << 2;
    }
    return;
  }
  const ts = (<usize>count) << 2;
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    let p = from + <usize>i * run;
    let q = to + ((<usize>i) << 2);
    let k = 0;
    if (term == 4) {
      for (; k + 4 <= terms; k += 4) {
        transpose4x4(p, run, q, ts);
        p += 16;
        q += 4 * ts;
      }
    }
    for (; k < terms; k++) {
      store<f32>(q, load<f32>(p));
      store<f32>(q, load<f32>(p + run), 4);
      store<f32>(q, load<f32>(p + 2 * run), 8);
      store<f32>(q, load<f32>(p + 3 * run), 12);
      p += term;
      q += ts;
    }
  }
  for (; i + 2 <= count; i += 2) {
    let p = from + <usize>i * run;
    let q = to + ((<usize>i) << 2);
    for (let k = 0; k < terms; k++) {
      store<f32>(q, load<f32>(p));
      store<f32>(q, load<f32>(p + run), 4);
      p += term;
      q += ts;
    }
  }
  if (i < count) {
    let p = from + <usize>i * run;
    let q = to + ((<usize>i) << 2);
    for (let k = 0; k < terms; k++) {
      store<f32>(q, load<f32>(p));
      p += term;
      q += ts;
    }
  }
}

// @ts-ignore: decorator
@inline
function transpose4x4(p: usize, run: usize, q: usize, ts: usize): void {
  const r0 = v128.load(p);
  const r1 = v128.load(p + run);
  const r2 = v128.load(p + 2 * run);
  const r3 = v128.load(p + 3 * run);
  const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
  const t1 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
  const t2 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
  const t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
  v128.store(q, v128.shuffle<f64>(t0, t2, 0, 2));
  v128.store(q + ts, v128.shuffle<f64>(t0, t2, 1, 3));
  v128.store(q + 2 * ts, v128.shuffle<f64>(t1, t3, 0, 2));
  v128.store(q + 3 * ts, v128.shuffle<f64>(t1, t3, 1, 3));
}

/** Copies columns of b, a multiple of 16 and adjacent, into as many panels `[terms][16]`. */
function packGroup(b: usize, bks: usize, columns: i32, terms: i32): void {
  const next = (<usize>terms) << 6;
  for (let k = 0; k < terms; k++) {
    let to = PANELS + ((<usize>k) << 6);
    let from = b;
    for (let j = 0; j < columns; j += 16) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      v128.store(to, v128.load(from, 32), 32);
      v128.store(to, v128.load(from, 48), 48);
      from += 64;
      to += next;
    }
    b += bks;
  }
}

/** Copies `columns` of b into a panel `[terms][wide]`, zeros behind. */
function packPanel(
  b: usize,
  bks: usize,
  bcs: usize,
  columns: i32,
  wide: i32,
  terms: i32,
): void {
  const ts = (<usize>wide) << 2;
  if (bcs == 4) {
    let to = PANELS;
    if (columns == 16) {
      for (let k = 0; k < terms; k++) {
        v128.store(to, v128.load(b));
        v128.store(to, v128.load(b, 16), 16);
        v128.store(to, v128.load(b, 32), 32);
        v128.store(to, v128.load(b, 48), 48);
        to += 64;
        b += bks;
      }
      return;
    }
    for (let k = 0; k < terms; k++) {
      let i = 0;
      for (; i + 4 <= columns; i += 4) v128.store(to + ((<usize>i) << 2), v128.load(b + ((<usize>i) << 2)));
      for (; i < wide; i++) store<f32>(to + ((<usize>i) << 2), i < columns ? load<f32>(b + ((<usize>i) << 2)) : 0);
      to += ts;
      b += bks;
    }
    return;
  }
  let j = 0;
  for (; j + 4 <= columns; j += 4) {
    let p = b + <usize>j * bcs;
    let q = PANELS + ((<usize>j) << 2);
    let k = 0;
    if (bks == 4) {
      for (; k + 4 <= terms; k += 4) {
        transpose4x4(p, bcs, q, ts);
        p += 16;
        q += 4 * ts;
      }
    }
    for (; k < terms; k++) {
      store<f32>(q, load<f32>(p));
      store<f32>(q, load<f32>(p + bcs), 4);
      store<f32>(q, load<f32>(p + 2 * bcs), 8);
      store<f32>(q, load<f32>(p + 3 * bcs), 12);
      p += bks;
      q += ts;
    }
  }
  for (; j < wide; j++) {
    let p = b + <usize>j * bcs;
    let q = PANELS + ((<usize>j) << 2);
    for (let k = 0; k < terms; k++) {
      store<f32>(q, j < columns ? load<f32>(p) : 0);
      p += bks;
      q += ts;
    }
  }
}
