// One training in a process of its own: what the process held before, what the plan said, what it
// took. Prints one line of JSON; whole-process.ts asks for it.
import v8 from "node:v8";
import { buildNetwork, engineFlags, key, train, trainingBytes } from "@manyfold/core";
import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import { preferredVariant } from "@manyfold/workers";

const [major = 0] = process.versions.node.split(".").map(Number);
for (const flag of engineFlags(major)) v8.setFlagsFromString(flag);
const variant = preferredVariant();

function trained(units: readonly number[], inputs: number, count: number, epochs: number): number {
  const layers = units.map((width) => ({ dense: { units: width, activation: "relu" as const } }));
  const network = buildNetwork(ModelSpec.parse({ layers }), {
    inputs,
    task: "classification",
    outputs: 10,
  });
  const x = new Float32Array(count * inputs);
  for (let i = 0; i < x.length; i++) x[i] = ((7919 * i) % 1000) / 500 - 1;
  const y = Float32Array.from({ length: count }, (_, i) => i % 10);
  const rows = Uint32Array.from({ length: count }, (_, i) => i);
  const spec = TrainSpec.parse({ epochs, batch: 128, optimizer: { adam: {} } });
  const { status } = train({ network, spec, variant, x, y, rows, key: key(2) });
  if (status !== "done") throw new Error(`The training ended as ${status}.`);
  return trainingBytes(network, spec, count, variant);
}

// The engine's base: everything loaded and compiled, with next to nothing to hold.
trained([8], 4, 256, 20);
const base = process.resourceUsage().maxRSS * 1024;
const count = 1024;
const inputs = 784;
const estimate = trained([1024, 1024], inputs, count, 2);
// The rows are the caller's.
const data = 4 * count * inputs;
const resident = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ variant, base, estimate, data, resident }));
