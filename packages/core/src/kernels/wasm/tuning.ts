import { type Binary, compileModule } from "./engine.ts";
import { BLOCKS, type Block } from "./matmul.ts";

/** What the self-test found. */
export interface Tuning {
  /** The register block in use, rows by columns. */
  readonly block: Block;
  /** Billions of floating point operations per second, by block. */
  readonly gigaflops: { readonly [B in Block]: number };
}

let chosen: Block = "2x16";

/** The register block of products that are bound from now on. */
export function chosenBlock(): Block {
  return chosen;
}

/** The product that is timed: `[ROWS, INNER]` by `[INNER, COLUMNS]`, packed. */
const ROWS = 96;
const INNER = 256;
const COLUMNS = 64;

/** Rounds without a better time after which a block is known; the engine compiles meanwhile. */
const PATIENCE = 8;
/** Milliseconds after which the test ends in any case. */
const LIMIT = 60;

/** Times all blocks in turn and keeps the fastest as {@link chosenBlock}. */
export function chooseBlock(binary: Binary, now: () => number): Tuning {
  const { values, exports } = compileModule(binary)(INNER * (ROWS + COLUMNS) + ROWS * COLUMNS);
  const a = values.byteOffset;
  const b = a + 4 * ROWS * INNER;
  const c = b + 4 * INNER * COLUMNS;
  const product = (block: Block): void =>
    exports.matmul(
      ROWS,
      COLUMNS,
      INNER,
      a,
      4 * INNER,
      4,
      b,
      4 * COLUMNS,
      4,
      c,
      BLOCKS[block],
      1,
      1,
    );
  const best: { [B in Block]: number } = { "2x16": Infinity, "4x8": Infinity, "6x16": Infinity };
  const names = Object.keys(BLOCKS) as Block[];
  const begun = now();
  for (let idle = 0; idle < PATIENCE && now() - begun < LIMIT; idle++) {
    for (const block of names) {
      const from = now();
      product(block);
      const time = now() - from;
      if (time < 0.97 * best[block]) idle = 0;
      best[block] = Math.min(best[block], time);
    }
  }
  for (const block of names) if (best[block] < best[chosen]) chosen = block;
  const rate = (block: Block): number => (2 * ROWS * INNER * COLUMNS) / best[block] / 1e6;
  return {
    block: chosen,
    gigaflops: { "2x16": rate("2x16"), "4x8": rate("4x8"), "6x16": rate("6x16") },
  };
}
