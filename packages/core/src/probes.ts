import {
  type Activation,
  nameOf,
  type NameOf,
  type ProbePoint,
  type Probes,
} from "@manyfold/protocol";
import { plainKernels } from "./arithmetic.ts";
import type { Gather } from "./batches.ts";
import { compileCurvature } from "./curvature.ts";
import type { Values } from "./kernels/kernels.ts";
import { hiddenOutputs, lossGraph } from "./loss-graph.ts";
import type { LossName } from "./losses.ts";
import type { Network } from "./network.ts";
import { planGraph } from "./plan.ts";
import { bindPlan } from "./run.ts";

/** Batches whose gradients are compared for the noise scale. */
const BATCHES = 8;

/** Values that the bounded activations come near to where they saturate. */
const BOUNDS: { readonly [A in NameOf<Activation>]?: readonly [number, number] } = {
  sigmoid: [0, 1],
  tanh: [-1, 1],
  hardTanh: [-1, 1],
};

/** Measures a training where it stands. */
export type Probe = (parameters: Float32Array, rate: number) => ProbePoint;

/** What is measured. */
export interface ProbeJob {
  readonly network: Network;
  readonly loss: LossName;
  readonly rows: Uint32Array;
  readonly gather: Gather;
  readonly probes: Probes;
}

/**
 * Compiles the probes of a training (plain float32 kernels, sums in float64): on its first rows, in
 * 8 batches b of equal size, the mean loss's gradient G and per batch g_b.
 *
 * - slope epsilon G'G, curvature epsilon^2 G'HG / 2 (Goodfellow, Bengio, Courville 2016, equation
 *   8.10), the best rate G'G / G'HG (4.10)
 * - noise scale tr Sigma / |G|^2 from the mean |g_b|^2 and |G|^2 (McCandlish et al. 2018, appendix A)
 * - units without any change, activations near a bound, activations away from 0
 */
export function startProbe({ network, loss, rows, gather, probes }: ProbeJob): Probe {
  const count = Math.min(probes.rows, rows.length);
  const batches = Math.min(BATCHES, count);
  const size = Math.floor(count / batches);
  const kernels = plainKernels();
  const graph = lossGraph(network, loss, size, "off");
  const hidden = hiddenOutputs(network, graph.forward);
  const plan = planGraph({
    outputs: {
      ...Object.fromEntries([...graph.gradients].map(([name, node]) => [`gradient ${name}`, node])),
      ...Object.fromEntries(hidden.map(({ name, output }) => [`output ${name}`, output])),
    },
  });
  const program = bindPlan(plan, kernels);
  const bend = compileCurvature(network, { loss, batches: [size], kernels });
  const order = Uint32Array.from(rows, (_, i) => i);
  const [x, y] = [
    new Float32Array(size * network.inputs),
    new Float32Array(size * network.targets),
  ];
  const { tensors, size: parameterCount } = network.parameters;
  const eachBatch = (into: { x: Values | undefined; y: Values | undefined }, run: () => void) => {
    for (let from = 0; from < batches * size; from += size) {
      gather(rows, order, from, from + size, x, y);
      into.x?.set(x);
      into.y?.set(y);
      run();
    }
  };
  return (parameters, rate) => {
    for (const { name, offset, size: length } of tensors) {
      program.inputs.get(name)?.set(parameters.subarray(offset, offset + length));
    }
    const mean = new Float64Array(parameterCount);
    const counters = hidden.map(({ name, output }) =>
      activationCounter(network, name, output.shape[1] ?? 1),
    );
    let small = 0;
    eachBatch({ x: program.inputs.get("x"), y: program.inputs.get("y") }, () => {
      program.run();
      for (const { name, offset } of tensors) {
        const gradient = program.outputs.get(`gradient ${name}`) as Values;
        for (let i = 0; i < gradient.length; i++) {
          mean[offset + i]! += gradient[i]! / batches;
          small += (gradient[i]! * gradient[i]!) / batches;
        }
      }
      for (const counter of counters) {
        counter.add(program.outputs.get(`output ${counter.name}`) as Values);
      }
    });
    const squares = dot(mean, mean);
    bend.parameters.set(parameters);
    bend.direction.set(mean);
    let bent = 0;
    eachBatch(bend, () => {
      bend.run(size);
      bent += dot(mean, bend.product) / batches;
    });
    const layers = network.layers.flatMap((layer) => {
      const own = tensors.filter(({ name }) => belongs(name, layer.name));
      const counted = counters.find(({ name }) => name === layer.name)?.shares();
      if (own.length === 0 && counted === undefined) return [];
      const gradient = own.reduce((sum, { offset, size: length }) => {
        const part = mean.subarray(offset, offset + length);
        return sum + dot(part, part);
      }, 0);
      return [{ name: layer.name, gradient: Math.sqrt(gradient), ...counted }];
    });
    return {
      gradient: Math.sqrt(squares),
      slope: rate * squares,
      curvature: (rate * rate * bent) / 2,
      bestRate: bent > 0 ? squares / bent : null,
      noiseScale: noiseScale(small, squares, size, batches * size),
      layers,
    };
  };
}

/** Tensors are named by their layer: `layers.0.dense.weight`, `output.bias`. */
function belongs(tensor: string, layer: string): boolean {
  return tensor.startsWith(`${layer}.`);
}

function noiseScale(small: number, large: number, few: number, many: number): number | null {
  if (few === many) return null;
  const signal = (many * large - few * small) / (many - few);
  const noise = (small - large) / (1 / few - 1 / many);
  return signal > 0 && noise >= 0 ? noise / signal : null;
}

function activationCounter(network: Network, name: string, units: number) {
  const layer = network.layers.find((one) => one.name === name);
  const bounds =
    layer === undefined || layer.kind === "dropout" ? undefined : BOUNDS[nameOf(layer.activation)];
  const [low, high] = [
    new Float64Array(units).fill(Infinity),
    new Float64Array(units).fill(-Infinity),
  ];
  let [seen, active, saturated] = [0, 0, 0];
  return {
    name,
    add(values: Values): void {
      for (let i = 0; i < values.length; i++) {
        const value = values[i]!;
        const unit = i % units;
        low[unit] = Math.min(low[unit]!, value);
        high[unit] = Math.max(high[unit]!, value);
        if (Math.abs(value) > 0.01) active += 1;
        if (bounds && nearBound(value, bounds)) saturated += 1;
      }
      seen += values.length;
    },
    shares: () => ({
      dead: low.reduce((sum, one, unit) => sum + (one === high[unit] ? 1 : 0), 0) / units,
      ...(bounds ? { saturated: saturated / seen } : {}),
      active: active / seen,
    }),
  };
}

function nearBound(value: number, [low, high]: readonly [number, number]): boolean {
  const margin = 0.01 * (high - low);
  return value < low + margin || value > high - margin;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
