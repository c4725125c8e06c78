import type { Bind, Step } from "../kernels.ts";
import { addressesOf, type ExportsOf } from "./addresses.ts";

/**
 * Register blocks, by their number in assembly/matmul.ts. All give equal bits: which one runs is a
 * matter of speed alone.
 */
export const BLOCKS = { "2x16": 0, "4x8": 1, "6x16": 2, "4x16": 3 } as const;

/** Name of a register block, rows by columns. */
export type Block = keyof typeof BLOCKS;

/** How a product is computed; changes no bit. */
interface Packing {
  readonly block: Block;
  /** Copy the first operand into strips, the second into panels. */
  readonly strips: boolean;
  readonly panels: boolean;
}

/** Blocks that read their rows from strips, so that an engine can join operations to 256 bits. */
export const TALL: readonly Block[] = ["6x16", "4x16"];

/** Bytes between neighbours from which on a column walks through too few sets of the cache. */
const FAR = 2048;
/** Elements of the second operand up to which it is read where it is. */
const SMALL = 4096;

/** A product as the kernel takes it: strides in bytes between rows, columns and terms. */
interface Product {
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly a: { readonly at: number; readonly row: number; readonly term: number };
  readonly b: { readonly at: number; readonly column: number; readonly term: number };
}

/** c' = b' a', where that puts numbers side by side that are far apart in c = a b. */
function exchanged({ rows, columns, inner, a, b }: Product): Product {
  return {
    rows: columns,
    columns: rows,
    inner,
    a: { at: b.at, row: b.column, term: b.term },
    b: { at: a.at, column: a.row, term: a.term },
  };
}

/** The packing that was fastest for a shape; see the package's README for the measurements. */
function packingFor(block: Block, { rows, columns, inner, a, b }: Product): Packing {
  const panels = b.column !== 4 || inner * columns > SMALL;
  // A transposed first operand has its rows side by side, as strips have, but terms far apart.
  if (a.row === 4) return { block, panels, strips: a.term >= FAR && rows > 1 };
  return {
    block,
    panels,
    strips: TALL.includes(block) && columns >= 16 && inner * columns > SMALL,
  };
}

/** @param block asked for at every binding */
export function bindMatmul(exportsOf: ExportsOf, block: () => Block): Bind<"matmul"> {
  return (step, arena) => {
    const { matmul } = exportsOf(arena.values);
    const { inputs, output } = addressesOf(step, arena);
    const product = productOf(step, inputs as [number, number]);
    const { rows, columns, inner, a, b } = product;
    const packing = packingFor(block(), product);
    const number = BLOCKS[packing.block];
    const strips = Number(packing.strips);
    const panels = Number(packing.panels);
    return () => {
      matmul(
        rows,
        columns,
        inner,
        a.at,
        a.row,
        a.term,
        b.at,
        b.term,
        b.column,
        output,
        number,
        strips,
        panels,
      );
    };
  };
}

function productOf(step: Step<"matmul">, [a, b]: readonly [number, number]): Product {
  const { transposeA, transposeB } = step.attributes;
  const [rows, columns] = step.shape as readonly [number, number];
  const [first, second] = step.inputShapes[0] as readonly [number, number];
  const inner = transposeA ? first : second;
  const product: Product = {
    rows,
    columns,
    inner,
    a: transposeA ? { at: a, row: 4, term: 4 * rows } : { at: a, row: 4 * inner, term: 4 },
    b: transposeB ? { at: b, column: 4 * inner, term: 4 } : { at: b, column: 4, term: 4 * columns },
  };
  // A column is a row in memory, and rows are what vectors lie along.
  return columns === 1 && product.a.row === 4 ? exchanged(product) : product;
}
