import { ModelSpec } from "@manyfold/protocol";
import { buildNetwork, type Network } from "../src/network.ts";

/** The nets that other libraries are measured with too; hidden units are ReLU. */
export interface BenchShape {
  readonly name: string;
  readonly sizes: readonly number[];
  readonly batch: number;
}

export const SHAPES: readonly BenchShape[] = [
  { name: "tiny", sizes: [13, 50, 1], batch: 32 },
  { name: "digits", sizes: [64, 128, 64, 10], batch: 64 },
  { name: "mnist", sizes: [784, 256, 128, 10], batch: 128 },
  { name: "wide", sizes: [784, 1024, 1024, 10], batch: 128 },
];

/** A regression with one output, else a classification. */
export function networkOf({ sizes }: BenchShape): Network {
  const hidden = sizes.slice(1, -1);
  const layers = hidden.map((units) => ({ dense: { units, activation: "relu" as const } }));
  const [inputs = 1, outputs = 1] = [sizes[0], sizes.at(-1)];
  const task = outputs === 1 ? "regression" : "classification";
  return buildNetwork(ModelSpec.parse({ layers }), { inputs, outputs, task });
}

/** Floating point operations of the products of one gradient step; x needs no gradient. */
export function operationsOf({ sizes, batch }: BenchShape): number {
  let total = 0;
  for (let i = 1; i < sizes.length; i++) {
    const weights = (sizes[i - 1] ?? 0) * (sizes[i] ?? 0);
    total += (i === 1 ? 4 : 6) * weights * batch;
  }
  return total;
}
