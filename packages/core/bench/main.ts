/**
 * Time per training step with Adam, of ours and of what else is installed, in one interleaved run on
 * one core: each round starts every process once, one after the other. Prints ratios of medians
 * beside their targets, writes JSON.
 *
 *   npm run bench [-- --peers FOLDER] [--node PATH]... [--shapes tiny,digits] [--rounds 5]
 *
 * --peers (or MANYFOLD_PEERS) is the folder of train_torch.py, train_sklearn.py and train_tfjs.cjs;
 * --node another version of Node to measure too (the npm package `node` brings one).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Measured, measureOwn, type Own } from "./own.ts";
import { type PeerStep, runPeers } from "./peers.ts";
import { pinned } from "./processes.ts";
import { SHAPES } from "./shapes.ts";
import { productLines, stepLines } from "./verdicts.ts";

const { values: options } = parseArgs({
  options: {
    peers: { type: "string", default: process.env["MANYFOLD_PEERS"] ?? "" },
    node: { type: "string", multiple: true, default: [] },
    shapes: { type: "string", default: SHAPES.map(({ name }) => name).join(",") },
    rounds: { type: "string", default: "5" },
    out: { type: "string", default: join(import.meta.dirname, "../../../test/bench/results") },
  },
});
const rounds = Number(options.rounds);

/** What is measured in each round, and what takes long and is slow in the first alone. */
const nodes = [process.execPath, ...options.node];
const fast: Own[] = nodes.flatMap((node) => [
  { node, variants: ["wasm-fma", "wasm-plain"] as const, products: false },
]);
fast.splice(1, 0, { node: process.execPath, variants: ["blas"], products: false });
const slow: Own[] = [
  { node: process.execPath, variants: ["js"], products: false },
  ...nodes.map((node) => ({ node, variants: [], products: true })),
];

const measured: Measured[] = [];
const peers: PeerStep[] = [];
for (let round = 0; round < rounds; round++) {
  const say = (what: string): boolean => process.stderr.write(`round ${round + 1}: ${what}\n`);
  for (const own of [...fast, ...(round === 0 ? slow : [])]) {
    say(`${own.node} ${own.products ? "product of 512 cubed" : own.variants.join(", ")}`);
    measured.push(...measureOwn(own, options.shapes));
  }
  if (options.peers === "") continue;
  say(options.peers);
  peers.push(...runPeers(options.peers, round === 0));
}

const steps = stepLines(measured, peers);
const products = productLines(measured);
console.table(steps);
console.table(products);
mkdirSync(options.out, { recursive: true });
const file = join(options.out, "steps.json");
const machine = { processor: cpus()[0]?.model ?? "", oneCore: pinned(), rounds };
writeFileSync(file, `${JSON.stringify({ machine, steps, products, peers }, null, 2)}\n`);
console.error(`Written to ${file}`);
