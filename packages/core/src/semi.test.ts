import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { JS_KERNELS } from "./kernels/js/set.ts";
import { buildNetwork } from "./network.ts";
import { compileTraining, predict } from "./program.ts";
import { fold, key, normals, uniforms } from "./rng.ts";
import { startSemi, visitedRows } from "./semi.ts";
import { train, type TrainJob } from "./train.ts";

const [LABELLED, UNLABELLED, TEST] = [10, 200, 200];

/** Two half circles, one in the other's arms, with noise of deviation 0.15. */
function moons(seed: number): Pick<TrainJob, "x" | "y"> {
  const count = LABELLED + UNLABELLED + TEST;
  const from = key(seed);
  const angle = uniforms(fold(from, "angle"), count);
  const noise = normals(fold(from, "noise"), 2 * count);
  const x = Float32Array.from({ length: 2 * count }, (_, at) => {
    const [row, column] = [at >> 1, at % 2];
    const turn = Math.PI * angle[row]!;
    const arm = column === 0 ? Math.cos(turn) - 0.5 : Math.sin(turn) - 0.25;
    return 1.5 * (row % 2 === 0 ? arm : -arm) + 0.15 * noise[at]!;
  });
  return { x, y: Float32Array.from({ length: count }, (_, row) => row % 2) };
}

const range = (from: number, count: number): Uint32Array =>
  Uint32Array.from({ length: count }, (_, i) => from + i);

function jobOf(seed: number, spec: object, rest: Partial<TrainJob> = {}): TrainJob {
  const dense = { dense: { units: 32, activation: "relu" } };
  const network = buildNetwork(ModelSpec.parse({ layers: [dense, dense] }), {
    inputs: 2,
    task: "classification",
    outputs: 2,
  });
  return {
    network,
    spec: TrainSpec.parse({ epochs: 60, batch: 64, optimizer: { adam: { lr: 0.01 } }, ...spec }),
    variant: "wasm-plain",
    ...moons(seed),
    rows: range(0, LABELLED),
    unlabelled: range(LABELLED, UNLABELLED),
    key: key(seed),
    ...rest,
  };
}

/** Mean accuracy on rows that nothing was learned from. */
function accuracy(spec: object): number {
  const seeds = [1, 2, 3, 4, 5, 6];
  const each = seeds.map((seed) => {
    const job = jobOf(seed, spec);
    const outcome = train(job);
    if (outcome.status !== "done") throw new Error(outcome.status);
    const from = LABELLED + UNLABELLED;
    const p = predict(job.network, outcome.weights, job.x.subarray(2 * from), TEST);
    const right = range(0, TEST).filter((i) => p[2 * i + 1]! > 0.5 === (job.y[from + i] === 1));
    return right.length / TEST;
  });
  return each.reduce((sum, one) => sum + one, 0) / each.length;
}

test("two moons, 10 labels: rows without a label help", () => {
  // As many steps, about, on the labelled rows alone.
  expect(accuracy({ semi: "vat" })).toBeGreaterThan(accuracy({ epochs: 400 }) + 0.1);
});

test.each(["vat", "pseudoLabels"])("%s: js and wasm-plain agree to the bit", (semi) => {
  const job = jobOf(1, { semi, epochs: 3 });
  expect(train({ ...job, variant: "js" })).toEqual(train(job));
});

test("labelled rows are visited as often as makes them as many as the others", () => {
  const job = jobOf(1, { semi: "vat" });
  const visited = visitedRows(job);
  expect(visited).toHaveLength(20 * LABELLED + UNLABELLED);
  expect(visited.filter((row) => row === 3)).toHaveLength(20);
  expect(visitedRows(jobOf(1, {}))).toEqual(job.rows);
});

test("pseudo-labels are classes at or above the threshold, at a weight that rises", () => {
  const pseudoLabels = { threshold: 0.6, weight: 0.5, warmUp: 0.1 };
  const job = jobOf(2, { semi: { pseudoLabels } });
  const weights = Float32Array.from(normals(key(9), job.network.parameters.size));
  const semi = startSemi(job, job.spec.semi!);
  const rows = Uint32Array.of(1, 10, 11, 12, 13, 14, 15, 16);
  const [x, y] = [new Float32Array(2 * rows.length), new Float32Array(2 * rows.length)];
  const targets = (epoch: number) => {
    semi.prepare(epoch, weights);
    semi.gather(rows, range(0, rows.length), 0, rows.length, x, y);
    return [...y];
  };
  const silent = [0, 1, ...Array<number>(14).fill(0)];
  expect(targets(1)).toEqual(silent);
  const scaled = (weight: number) => {
    const p = predict(job.network, weights, job.x.slice(20, 34), 7);
    return [0, 1, ...[...p].map((one) => (one >= 0.6 ? weight : 0))];
  };
  // Six epochs of rise: half of the way at the fourth.
  expect(targets(4)).toEqual(scaled(0.25));
  expect(targets(30)).toEqual(scaled(0.5));
  expect(scaled(0.5)).not.toEqual(silent);
});

test("the virtual adversarial term of one input, in closed form", () => {
  const network = buildNetwork(ModelSpec.parse({ layers: [] }), {
    inputs: 1,
    task: "classification",
    outputs: 2,
  });
  const [epsilon, weight] = [0.4, 2];
  const options = {
    loss: "softmaxCrossEntropy",
    batches: [3],
    kernels: JS_KERNELS.float64,
  } as const;
  const program = compileTraining(network, { ...options, terms: { vat: { epsilon, weight } } });
  const [w0, w1, b0, b1] = [0.5, -1, 0.1, 0.2];
  program.parameters.set([w0, w1, b0, b1]);
  const [x, direction] = [
    [-1, 0.5, 2],
    [1, -0.3, 0.01],
  ];
  program.x.set(x);
  program.y.fill(0);
  program.direction.set(direction);
  program.run(3, key(1));
  // On a line the worst move is a whole epsilon to the side that the search begins on, and the slope
  // of KL(p || q) in the second weight is (q - p) times the moved input.
  const second = (at: number) => 1 / (1 + Math.exp(w0 * at + b0 - (w1 * at + b1)));
  const slope = x.reduce((sum, at, i) => {
    const moved = at + epsilon * Math.sign(direction[i]!);
    return sum + ((second(moved) - second(at)) * moved * weight) / 3;
  }, 0);
  expect(program.gradients[1]).toBeCloseTo(slope, 10);
  expect(program.gradients[0]).toBeCloseTo(-slope, 10);
});
