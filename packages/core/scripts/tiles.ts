/** One register block: `rows` by 4 `vectors` sums, kept in registers over all of k. */
interface Tile {
  readonly rows: number;
  readonly vectors: number;
  /**
   * Rows of a follow each other (a packed strip), at constant offsets from one pointer: what V8
   * needs to join pairs of 128-bit operations into 256 bits.
   */
  readonly packed: boolean;
}

const strided = (rows: number, vectors: number): Tile => ({ rows, vectors, packed: false });

/** Blocks that do not spill at 16 registers, and what is needed for rows that are left over. */
const TILES: readonly Tile[] = [
  ...[2, 1].map((rows) => strided(rows, 4)),
  ...[2, 1].map((rows) => strided(rows, 3)),
  ...[4, 2, 1].map((rows) => strided(rows, 2)),
  ...[8, 4, 2, 1].map((rows) => strided(rows, 1)),
  { rows: 4, vectors: 4, packed: true },
  { rows: 6, vectors: 4, packed: true },
];

/** Sums of a peak loop: as many as registers hold, at 128 bits and joined in pairs to 256. */
const PEAKS: readonly number[] = [12, 24];

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/**
 * AssemblyScript of a block: c += a b over k terms. Strides in bytes: `ars`, `aks` between rows and
 * terms of a, `bks` between terms of b, `cs` between rows of c.
 */
function tileSource({ rows, vectors, packed }: Tile): string {
  const all = range(rows).flatMap((r) => range(vectors).map((v) => ({ r, v })));
  const name = `tile${rows}x${4 * vectors}`;
  const stride = packed ? "" : "ars: usize, ";
  const a = (r: number): string =>
    packed ? `a, ${4 * r}` : r === 0 ? "a" : r === 1 ? "a + ars" : `a + ars${r}`;
  return [
    `export function ${name}(k: i32, a: usize, ${stride}aks: usize, b: usize, bks: usize, c: usize, cs: usize): void {`,
    ...(packed
      ? []
      : range(rows)
          .slice(2)
          .map((r) => `  const ars${r} = <usize>${r} * ars;`)),
    `  const c0 = c;`,
    ...range(rows)
      .slice(1)
      .map((r) => `  const c${r} = c${r - 1} + cs;`),
    ...all.map(({ r, v }) => `  let s${r}${v} = v128.load(c${r}, ${16 * v});`),
    `  for (; k != 0; --k) {`,
    ...range(vectors).map((v) => `    const b${v} = v128.load(b, ${16 * v});`),
    ...range(rows).flatMap((r) => [
      `    const a${r} = v128.load_splat<f32>(${a(r)});`,
      ...range(vectors).map((v) => `    s${r}${v} = madd(a${r}, b${v}, s${r}${v});`),
    ]),
    `    a += aks;`,
    `    b += bks;`,
    `  }`,
    ...all.map(({ r, v }) => `  v128.store(c${r}, s${r}${v}, ${16 * v});`),
    `}`,
  ].join("\n");
}

/** The module of all register blocks; generated, since loops over registers do not exist. */
export function tilesSource(): string {
  return [
    `import { madd } from "./lanes";`,
    ...TILES.map(tileSource),
    ...PEAKS.map(peakSource),
  ].join("\n\n");
}

/**
 * A loop of nothing but multiply-adds over `vectors` independent sums from p: the most that this
 * engine does of them in a second.
 */
function peakSource(vectors: number): string {
  const all = range(vectors);
  return [
    `export function peak${vectors}(p: usize, rounds: i32): void {`,
    `  const x = v128.load(p, ${16 * vectors});`,
    ...all.map((v) => `  let s${v} = v128.load(p, ${16 * v});`),
    `  for (; rounds != 0; --rounds) {`,
    ...all.map((v) => `    s${v} = madd(s${v}, x, x);`),
    `  }`,
    ...all.map((v) => `  v128.store(p, s${v}, ${16 * v});`),
    `}`,
  ].join("\n");
}
