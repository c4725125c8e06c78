import { evaluateGraph, jvp, ops } from "@manyfold/core";
import { lossAndGradient, networkOf } from "../../kit.ts";

export const VALUE = { inputs: 1, task: "regression", outputs: 1 } as const;

/** A network without hidden layers, of one weight and one bias, gives z = x: loss and dJ/dz. */
export function atLogit(output: string, z: number, y: number): { loss: number; slope: number } {
  const network = networkOf([], { ...VALUE }, { output });
  const { loss, gradient } = lossAndGradient(network, [1, 0], [z], [y]);
  return { loss, slope: gradient[1]! };
}

/** The slope of ½(σ(z) − 1)² at z = -1000. */
export function saturated(): number {
  const z = ops.input("z", []);
  const loss = ops.scale(ops.square(ops.shift(ops.sigmoid(z), -1)), 0.5);
  const [slope] = jvp([loss], [z], [ops.constant(1, [])]);
  return evaluateGraph({ outputs: { slope } }, { z: [-1000] }).slope[0]!;
}
