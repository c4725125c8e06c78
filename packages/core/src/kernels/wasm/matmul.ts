import type { Bind } from "../kernels.ts";
import { addressesOf, type ExportsOf } from "./addresses.ts";

/**
 * Register blocks, by their number in assembly/matmul.ts. All give equal bits: which one runs is a
 * matter of speed alone.
 */
export const BLOCKS = { "2x16": 0, "4x8": 1, "6x16": 2 } as const;

/** Name of a register block, rows by columns. */
export type Block = keyof typeof BLOCKS;

/** How a product is computed; changes no bit. */
interface Packing {
  readonly block: Block;
  /** Copy the first operand into strips, the second into panels. */
  readonly strips: boolean;
  readonly panels: boolean;
}

/** Bytes between neighbours from which on a column walks through too few sets of the cache. */
const FAR = 2048;
/** Elements of the second operand up to which it is read where it is. */
const SMALL = 4096;

/** The packing that was fastest for a shape; see the package's README for the measurements. */
function packingFor(
  block: Block,
  inner: number,
  columns: number,
  transposeA: boolean,
  transposeB: boolean,
  rows: number,
): Packing {
  const panels = transposeB || inner * columns > SMALL;
  // A transposed first operand has its rows side by side, as strips do, but terms far apart.
  if (transposeA) return { block, panels, strips: 4 * rows >= FAR };
  return { block, panels, strips: block === "6x16" && columns >= 16 && inner * columns > SMALL };
}

/** @param block asked for at every binding */
export function bindMatmul(exportsOf: ExportsOf, block: () => Block): Bind<"matmul"> {
  return (step, arena) => {
    const { matmul } = exportsOf(arena.values);
    const { inputs, output } = addressesOf(step, arena);
    const [a, b] = inputs as [number, number];
    const { transposeA, transposeB } = step.attributes;
    const [rows, columns] = step.shape as readonly [number, number];
    const shapeA = step.inputShapes[0]!;
    const inner = transposeA ? shapeA[0]! : shapeA[1]!;
    const packing = packingFor(block(), inner, columns, transposeA, transposeB, rows);
    const number = BLOCKS[packing.block];
    const strips = Number(packing.strips);
    const panels = Number(packing.panels);
    const [aRow, aTerm] = transposeA ? [4, 4 * rows] : [4 * inner, 4];
    const [bTerm, bColumn] = transposeB ? [4, 4 * inner] : [4 * columns, 4];
    return () => {
      matmul(
        rows,
        columns,
        inner,
        a,
        aRow,
        aTerm,
        b,
        bTerm,
        bColumn,
        output,
        number,
        strips,
        panels,
      );
    };
  };
}
