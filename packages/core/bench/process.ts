// One process of the bench: times training steps of the variants and shapes that it is asked for, in
// turn, and prints a JSON line each.
import { parseArgs } from "node:util";
import v8 from "node:v8";
import { openBlas } from "@manyfold/blas";
import type { Variant } from "@manyfold/protocol";
import { adoptProducts, engineFlags, tuneKernels, variantAvailability } from "../src/arithmetic.ts";
import { medianTiming, timeCalls, type Timing } from "./clock.ts";
import type { Measured } from "./own.ts";
import { measureProduct } from "./product.ts";
import { operationsOf, SHAPES } from "./shapes.ts";
import { stepOf } from "./step.ts";

const { values: options } = parseArgs({
  options: {
    variants: { type: "string", default: "" },
    shapes: { type: "string", default: "" },
    products: { type: "boolean", default: false },
  },
});

/** Timings of each step, and milliseconds of each; a step that takes longer counts alone. */
const TIMINGS = 7;
const MILLISECONDS = 40;

const node = process.version;
for (const flag of engineFlags(Number(node.slice(1).split(".")[0]))) v8.setFlagsFromString(flag);
const wanted = options.variants.split(",").filter((name) => name !== "") as Variant[];
if (wanted.includes("blas")) {
  await openBlas().then(
    ({ products }) => adoptProducts(products),
    (error: unknown) => console.error(String(error)),
  );
}
const tuning = tuneKernels(() => performance.now());
const blockOf = (variant: Variant): string | null =>
  tuning.find((one) => one.variant === variant)?.block ?? null;
const print = (line: Measured): void => console.log(JSON.stringify(line));

const bundles = wanted
  .filter((variant) => variantAvailability(variant).available)
  .flatMap((variant) =>
    SHAPES.filter(({ name }) => options.shapes.split(",").includes(name)).map((shape) => ({
      shape,
      variant,
      step: stepOf(shape, variant),
      timings: [] as Timing[],
    })),
  );
for (const { step } of bundles) timeCalls(step, 150, 1);
for (let at = 0; at < TIMINGS; at++) {
  for (const { step, timings } of bundles) {
    const once = timeCalls(step, 0, 1).wall;
    timings.push(timeCalls(step, MILLISECONDS, Math.max(1, Math.floor(2000 / once))));
  }
}
for (const { shape, variant, timings } of bundles) {
  const { wall, cpu } = medianTiming(timings);
  const gigaflops = operationsOf(shape) / cpu / 1000;
  const block = blockOf(variant);
  print({ kind: "step", node, variant, block, shape: shape.name, wall, cpu, gigaflops });
}
for (const { variant, block } of options.products ? tuning : []) {
  const binary = variant === "wasm-fma" ? "fused" : "plain";
  const { gigaflops, peak, share } = measureProduct(binary, block);
  print({ kind: "product", node, variant, block, gigaflops, peak, share });
}
