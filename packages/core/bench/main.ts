/**
 * Training steps of the four shapes by variant, and a product of 512 cubed against the peak, in one
 * interleaved run on one thread. Prints a table, writes JSON.
 *
 *   npm run bench [-- --peers FOLDER] [--shapes tiny,digits] [--rounds 7]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import v8 from "node:v8";
import type { Variant } from "@manyfold/protocol";
import { engineFlags, tuneKernels, variantAvailability } from "../src/arithmetic.ts";
import { median, medianTiming, timeCalls, type Timing } from "./clock.ts";
import { type PeerStep, runPeers } from "./peers.ts";
import { measureProduct } from "./product.ts";
import { operationsOf, SHAPES } from "./shapes.ts";
import { stepOf } from "./step.ts";

const { values: options } = parseArgs({
  options: {
    peers: { type: "string", default: process.env["MANYFOLD_PEERS"] ?? "" },
    shapes: { type: "string", default: SHAPES.map(({ name }) => name).join(",") },
    rounds: { type: "string", default: "7" },
  },
});
const rounds = Number(options.rounds);
const shapes = SHAPES.filter(({ name }) => options.shapes.split(",").includes(name));

const major = Number(process.versions.node.split(".")[0]);
for (const flag of engineFlags(major)) v8.setFlagsFromString(flag);
const tuning = tuneKernels(() => performance.now());
const variants = (["js", "wasm-plain", "wasm-fma"] as const).filter(
  (variant) => variantAvailability(variant).available,
);

const round = (value: number): number => Number(value.toPrecision(4));

interface Bundle {
  readonly shape: string;
  readonly variant: Variant;
  readonly step: () => void;
  readonly operations: number;
  readonly timings: Timing[];
}

const bundles: Bundle[] = shapes.flatMap((shape) =>
  variants.map((variant) => ({
    shape: shape.name,
    variant,
    step: stepOf(shape, variant),
    operations: operationsOf(shape),
    timings: [],
  })),
);
for (const { step } of bundles) timeCalls(step, 200, 1);

const peers: PeerStep[] = [];
for (let at = 0; at < rounds; at++) {
  for (const { step, timings } of bundles) {
    const once = timeCalls(step, 0, 1).wall;
    timings.push(timeCalls(step, 40, Math.max(1, Math.floor(2000 / once))));
  }
  // Three times in between is enough: each script takes the median of rounds of its own.
  if (options.peers !== "" && at % Math.ceil(rounds / 3) === 0) {
    peers.push(...runPeers(options.peers));
  }
}

const steps = bundles.map(({ shape, variant, operations, timings }) => {
  const { wall, cpu } = medianTiming(timings);
  const js = bundles.find((other) => other.shape === shape && other.variant === "js");
  const best = Math.min(
    ...[...new Set(peers.map(({ peer }) => peer))].map((peer) => {
      const own = peers.filter((one) => one.peer === peer && one.shape === shape);
      return own.length === 0 ? Infinity : median(own.map(({ us }) => us));
    }),
  );
  return {
    shape,
    variant,
    wallMicroseconds: round(wall),
    cpuMicroseconds: round(cpu),
    gigaflops: round(operations / cpu / 1000),
    timesFasterThanJs: js === undefined ? null : round(medianTiming(js.timings).cpu / cpu),
    timesFasterThanBestPeer: Number.isFinite(best) ? round(best / wall) : null,
  };
});
const products = tuning
  .map(({ variant, block }) => measureProduct(variant === "wasm-fma" ? "fused" : "plain", block))
  .map(({ gigaflops, peak, share, ...rest }) => ({
    ...rest,
    gigaflops: round(gigaflops),
    peak: round(peak),
    share: round(share),
  }));

console.table(steps);
console.table(products);
const folder = join(import.meta.dirname, "../../../test/bench/results");
mkdirSync(folder, { recursive: true });
const file = join(folder, `steps-node-${major}.json`);
const machine = { node: process.version, processor: cpus()[0]?.model ?? "", tuning };
writeFileSync(file, `${JSON.stringify({ machine, steps, products, peers }, null, 2)}\n`);
console.error(`Written to ${file}`);
