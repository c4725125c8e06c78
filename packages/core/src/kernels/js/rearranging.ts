import { axisLayout } from "../../shape.ts";
import type { Bind, KernelTable } from "../kernels.ts";
import { operand, result } from "./elementwise.ts";

const broadcast: Bind<"broadcast"> = (step, arena) => {
  const x = operand(step, 0, arena);
  const y = result(step, arena);
  const { axis } = step.attributes;
  if (axis === "all") return () => void y.fill(x[0]!);
  const { outer, length, inner } = axisLayout(step.shape, axis);
  return () => {
    let at = 0;
    for (let o = 0; o < outer; o++) {
      for (let l = 0; l < length; l++) {
        for (let i = 0; i < inner; i++) y[at++] = x[o * inner + i]!;
      }
    }
  };
};

const transpose: Bind<"transpose"> = (step, arena) => {
  const x = operand(step, 0, arena);
  const y = result(step, arena);
  const [rows, columns] = step.shape as readonly [number, number];
  return () => {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) y[i * columns + j] = x[j * rows + i]!;
    }
  };
};

const slice: Bind<"slice"> = (step, arena) => {
  const x = operand(step, 0, arena);
  const y = result(step, arena);
  const { axis, start } = step.attributes;
  const from = axisLayout(step.inputShapes[0]!, axis);
  const run = axisLayout(step.shape, axis).length * from.inner;
  return () => {
    for (let o = 0; o < from.outer; o++) {
      const at = (o * from.length + start) * from.inner;
      for (let i = 0; i < run; i++) y[o * run + i] = x[at + i]!;
    }
  };
};

const pad: Bind<"pad"> = (step, arena) => {
  const x = operand(step, 0, arena);
  const y = result(step, arena);
  const { axis, before } = step.attributes;
  const to = axisLayout(step.shape, axis);
  const run = axisLayout(step.inputShapes[0]!, axis).length * to.inner;
  return () => {
    y.fill(0);
    for (let o = 0; o < to.outer; o++) {
      const at = (o * to.length + before) * to.inner;
      for (let i = 0; i < run; i++) y[at + i] = x[o * run + i]!;
    }
  };
};

const concat: Bind<"concat"> = (step, arena) => {
  const y = result(step, arena);
  const { axis } = step.attributes;
  const to = axisLayout(step.shape, axis);
  let start = 0;
  const parts = step.inputShapes.map((shape, index) => {
    const { length, inner } = axisLayout(shape, axis);
    const part = { x: operand(step, index, arena), run: length * inner, start: start * inner };
    start += length;
    return part;
  });
  return () => {
    for (let p = 0; p < parts.length; p++) {
      const { x, run, start: first } = parts[p]!;
      for (let o = 0; o < to.outer; o++) {
        const at = o * to.length * to.inner + first;
        for (let i = 0; i < run; i++) y[at + i] = x[o * run + i]!;
      }
    }
  };
};

export const REARRANGING: Pick<
  KernelTable,
  "broadcast" | "transpose" | "slice" | "pad" | "concat"
> = { broadcast, transpose, slice, pad, concat };
