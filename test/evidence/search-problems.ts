import type { Params, Space } from "@manyfold/protocol";

/** A function to minimise over a space; `least` is already taken off, so that a value is a regret. */
export interface Problem {
  readonly name: string;
  readonly space: Space;
  readonly regret: (params: Params) => number;
}

const box = (dimensions: number, low: number, high: number): Space =>
  Object.fromEntries(
    Array.from({ length: dimensions }, (_, i) => [`x${i}`, { float: [low, high] }]),
  );

const pointOf = (params: Params): number[] =>
  Object.keys(params)
    .toSorted()
    .map((name) => Number(params[name]));

const sum = (values: readonly number[]): number => values.reduce((total, one) => total + one, 0);

const HARTMANN_WEIGHTS = [1, 1.2, 3, 3.2];

/** Hartmann's functions: four wells of different widths. */
function hartmann(scales: number[][], centres: number[][], least: number) {
  return (params: Params): number => {
    const x = pointOf(params);
    const wells = HARTMANN_WEIGHTS.map((weight, i) => {
      const distance = x.map(
        (value, j) => (scales[i]?.[j] ?? 0) * (value - (centres[i]?.[j] ?? 0)) ** 2,
      );
      return weight * Math.exp(-sum(distance));
    });
    return -least - sum(wells);
  };
}

const hartmann3 = hartmann(
  [
    [3, 10, 30],
    [0.1, 10, 35],
    [3, 10, 30],
    [0.1, 10, 35],
  ],
  [
    [0.3689, 0.117, 0.2673],
    [0.4699, 0.4387, 0.747],
    [0.1091, 0.8732, 0.5547],
    [0.0381, 0.5743, 0.8828],
  ],
  -3.862779786949,
);

const hartmann6 = hartmann(
  [
    [10, 3, 17, 3.5, 1.7, 8],
    [0.05, 10, 17, 0.1, 8, 14],
    [3, 3.5, 1.7, 10, 17, 8],
    [17, 8, 0.05, 10, 0.1, 14],
  ],
  [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
  ],
  -3.322368011391,
);

function branin({ x, y }: Params): number {
  const [a, b] = [Number(x), Number(y)];
  const bend = b - (5.1 / (4 * Math.PI ** 2)) * a * a + (5 / Math.PI) * a - 6;
  return bend ** 2 + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(a) + 10 - 0.39788735772973816;
}

function ackley(params: Params): number {
  const x = pointOf(params);
  const square = sum(x.map((value) => value * value)) / x.length;
  const wave = sum(x.map((value) => Math.cos(2 * Math.PI * value))) / x.length;
  return -20 * Math.exp(-0.2 * Math.sqrt(square)) - Math.exp(wave) + 20 + Math.E;
}

function rosenbrock(params: Params): number {
  const x = pointOf(params);
  return sum(
    x.slice(1).map((next, i) => 100 * (next - (x[i] ?? 0) ** 2) ** 2 + (1 - (x[i] ?? 0)) ** 2),
  );
}

function rastrigin(params: Params): number {
  const x = pointOf(params);
  return 10 * x.length + sum(x.map((v) => v * v - 10 * Math.cos(2 * Math.PI * v)));
}

/** Three kinds of model, each with settings of its own, one of them below another; least value 0. */
function mixed(params: Params): number {
  const at = (name: string) => Number(params[name]);
  if (params["kind"] === "svm") {
    const value = 0.3 + 0.05 * (Math.log10(at("c")) - 1) ** 2;
    if (params["kernel"] === "linear") return value + 0.2;
    return value + 0.1 * (Math.log10(at("gamma")) + 2) ** 2;
  }
  if (params["kind"] === "forest") {
    return 0.1 + 0.004 * (at("depth") - 9) ** 2 + 0.3 * (at("features") - 0.4) ** 2;
  }
  return (
    0.15 * (Math.log10(at("lr")) + 2.5) ** 2 +
    0.05 * (at("layers") - 2) ** 2 +
    0.03 * (Math.log2(at("width")) - 6) ** 2 +
    0.5 * (at("dropout") - 0.2) ** 2
  );
}

/** The problems of the bake-off: what `peers/search-regret.py` gives to Optuna. */
export const problems: readonly Problem[] = [
  { name: "branin", space: { x: { float: [-5, 10] }, y: { float: [0, 15] } }, regret: branin },
  { name: "hartmann3", space: box(3, 0, 1), regret: hartmann3 },
  { name: "hartmann6", space: box(6, 0, 1), regret: hartmann6 },
  { name: "ackley10", space: box(10, -32.768, 32.768), regret: ackley },
  { name: "rosenbrock5", space: box(5, -5, 10), regret: rosenbrock },
  { name: "rastrigin10", space: box(10, -5.12, 5.12), regret: rastrigin },
  {
    name: "mixed",
    space: {
      kind: { categorical: ["svm", "mlp", "forest"] },
      c: { float: [1e-3, 1e3], scale: "log", when: { kind: "svm" } },
      kernel: { categorical: ["linear", "rbf"], when: { kind: "svm" } },
      gamma: { float: [1e-4, 10], scale: "log", when: { kernel: "rbf" } },
      depth: { int: [2, 16], when: { kind: "forest" } },
      features: { float: [0.1, 1], when: { kind: "forest" } },
      lr: { float: [1e-5, 1], scale: "log", when: { kind: "mlp" } },
      layers: { int: [1, 4], when: { kind: "mlp" } },
      width: { int: [8, 512], scale: "log", when: { kind: "mlp" } },
      dropout: { float: [0, 0.5], when: { kind: "mlp" } },
    },
    regret: mixed,
  },
];
