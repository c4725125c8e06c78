import type { Variant } from "@manyfold/protocol";
import { type Binary, compileModule } from "./engine.ts";
import { type Block, BLOCKS, TALL } from "./matmul.ts";
import { VARIANT_OF } from "./set.ts";

/** What the self-test found for one variant. */
export interface Tuning {
  readonly variant: Variant;
  /** The register block in use, rows by columns. */
  readonly block: Block;
  /** Billions of floating point operations per second, by block. */
  readonly gigaflops: { readonly [B in Block]: number };
}

const chosen: { [B in Binary]: Block } = { plain: "2x16", fused: "2x16" };

/** The register block of products that are bound from now on. */
export function chosenBlock(binary: Binary): Block {
  return chosen[binary];
}

/** Takes a block whatever its speed: for comparing the bits of all of them. */
export function useBlock(binary: Binary, block: Block): void {
  chosen[binary] = block;
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
  const run = (block: Block): void =>
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
      Number(TALL.includes(block)),
      1,
    );
  const names = Object.keys(BLOCKS) as Block[];
  const best = { "2x16": Infinity, "4x8": Infinity, "6x16": Infinity, "4x16": Infinity };
  const begun = now();
  for (let idle = 0; idle < PATIENCE && now() - begun < LIMIT; idle++) {
    for (const block of names) {
      const from = now();
      run(block);
      const time = now() - from;
      if (time < 0.97 * best[block]) idle = 0;
      best[block] = Math.min(best[block], time);
    }
  }
  for (const block of names) if (best[block] < best[chosen[binary]]) chosen[binary] = block;
  const rate = (block: Block): number => (2 * ROWS * INNER * COLUMNS) / best[block] / 1e6;
  return {
    variant: VARIANT_OF[binary],
    block: chosen[binary],
    gigaflops: {
      "2x16": rate("2x16"),
      "4x8": rate("4x8"),
      "6x16": rate("6x16"),
      "4x16": rate("4x16"),
    },
  };
}
