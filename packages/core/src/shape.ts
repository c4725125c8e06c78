import { ManyfoldError } from "@manyfold/protocol";

/** Sizes along each axis; `[]` is one number. Arrays are stored row-major (last axis fastest). */
export type Shape = readonly number[];

/** Number of elements: the product of the sizes, 1 for `[]`. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

/** Whether two shapes are equal, axis by axis. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/** `[2, 3]`, as errors and summaries print it. */
export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** The shape with one axis taken out. */
export function withoutAxis(shape: Shape, axis: number): Shape {
  return shape.filter((_, at) => at !== axis);
}

/** The shape with the size of one axis replaced. */
export function withAxis(shape: Shape, axis: number, length: number): Shape {
  return shape.map((old, at) => (at === axis ? length : old));
}

/** How an axis lies in memory: `outer` blocks of `length` runs of `inner` elements. */
export function axisLayout(
  shape: Shape,
  axis: number,
): { outer: number; length: number; inner: number } {
  return {
    outer: sizeOf(shape.slice(0, axis)),
    length: shape[axis] ?? 1,
    inner: sizeOf(shape.slice(axis + 1)),
  };
}

/** Refuses what a shape rule forbids: `<op> must be <condition>, got <shapes>.` */
export function requireShape(
  holds: boolean,
  op: string,
  condition: () => string,
  ...shapes: readonly Shape[]
): void {
  if (holds) return;
  throw new ManyfoldError({
    code: "internal",
    path: `inputs of ${op}`,
    condition: condition(),
    got: shapes.map(showShape).join(" and "),
    help: "Shapes are fixed when the graph is built; nothing is broadcast silently.",
  });
}
