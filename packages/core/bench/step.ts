import { TrainSpec, type Variant } from "@manyfold/protocol";
import { arithmeticOf } from "../src/arithmetic.ts";
import { gatherFrom } from "../src/batches.ts";
import { initialize } from "../src/init.ts";
import { startOptimizer } from "../src/optimizers/optimizer.ts";
import { optimizerRule } from "../src/optimizers/rules.ts";
import { integers, key, normals } from "../src/rng.ts";
import { borrowWorkbench, workOf } from "../src/workbench.ts";
import { type BenchShape, networkOf } from "./shapes.ts";

/** A whole training step with Adam, as `train` does it: gather, forward, backward, update. */
export function stepOf(shape: BenchShape, variant: Variant): () => void {
  const network = networkOf(shape);
  const rows = 4 * shape.batch;
  const spec = TrainSpec.parse({ batch: shape.batch, optimizer: { adam: { lr: 0.001 } } });
  const rule = optimizerRule({ adam: { lr: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } });
  const work = workOf(network, spec, rows, variant);
  const bench = borrowWorkbench(work);
  const { updates } = arithmeticOf(variant);
  const optimizer = startOptimizer(rule, updates, bench.slots, bench.coefficients);
  const x = Float32Array.from(normals(key(1), rows * network.inputs));
  const y =
    network.task === "classification"
      ? Float32Array.from(integers(key(2), rows, network.outputs))
      : Float32Array.from(normals(key(2), rows));
  const gather = gatherFrom({ network, x, y });
  const order = Uint32Array.from({ length: rows }, (_, i) => i);
  const of = key(3);
  initialize(network, of, bench.parameters);
  let at = 0;
  return () => {
    gather(order, order, at, at + shape.batch, bench.x, bench.y);
    bench.training.run(shape.batch, of);
    optimizer.step(bench.parameters, bench.gradients, 1);
    at = (at + shape.batch) % rows;
  };
}
