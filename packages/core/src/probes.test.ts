import { ModelSpec, type ProbePoint, TrainSpec } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { gatherFrom } from "./batches.ts";
import { buildNetwork } from "./network.ts";
import { startProbe } from "./probes.ts";
import { provenance } from "./provenance.ts";
import { key, normals } from "./rng.ts";
import { train, type TrainJob } from "./train.ts";

const ROWS = 64;
const x = Float32Array.from(normals(key(1), 2 * ROWS));
const y = Float32Array.from(normals(key(2), ROWS));
const rows = Uint32Array.from({ length: ROWS }, (_, i) => i);

function networkOf(layers: unknown[]) {
  const model = ModelSpec.parse({ layers } as Parameters<typeof ModelSpec.parse>[0]);
  return buildNetwork(model, { inputs: 2, task: "regression", outputs: 1 });
}

function measured(layers: unknown[], weights: Float32Array, rate: number): ProbePoint {
  const network = networkOf(layers);
  const gather = gatherFrom({ network, x, y });
  const probes = { every: 1, rows: ROWS };
  return startProbe({ network, loss: "squaredError", rows, gather, probes })(weights, rate);
}

test("on a linear regression gradient, curvature and noise are those of the closed form", () => {
  const weights = Float32Array.of(0.5, -1, 0.25);
  const each = Array.from(rows, (row) => {
    const at = [x[2 * row]!, x[2 * row + 1]!, 1];
    const error = at.reduce((sum, one, i) => sum + one * weights[i]!, -y[row]!);
    return { at, gradient: at.map((one) => one * error) };
  });
  const mean = (of: (row: (typeof each)[number]) => number): number =>
    each.reduce((sum, row) => sum + of(row), 0) / ROWS;
  const g = [0, 1, 2].map((i) => mean(({ gradient }) => gradient[i]!));
  const squares = g.reduce((sum, one) => sum + one * one, 0);
  // H = X'X / n, so g'Hg is the mean square of x'g.
  const bent = mean(({ at }) => at.reduce((sum, one, i) => sum + one * g[i]!, 0) ** 2);
  const rate = 0.1;
  const point = measured([], weights, rate);
  expect(point.gradient).toBeCloseTo(Math.sqrt(squares), 5);
  expect(point.slope).toBeCloseTo(rate * squares, 5);
  expect(point.curvature).toBeCloseTo((rate ** 2 * bent) / 2, 6);
  expect(point.bestRate).toBeCloseTo(squares / bent, 4);
  // 8 batches of 8: unbiased estimates from |g_b|^2 and |G|^2.
  const batches = Array.from({ length: 8 }, (_, b) =>
    g.map((_, i) => each.slice(8 * b, 8 * b + 8).reduce((sum, r) => sum + r.gradient[i]! / 8, 0)),
  );
  const small = batches.flat().reduce((sum, one) => sum + one * one, 0) / 8;
  const noise = (small - squares) / (1 / 8 - 1 / 64);
  expect(point.noiseScale).toBeCloseTo(noise / ((64 * squares - 8 * small) / 56), 3);
  expect(point.layers).toEqual([{ name: "output", gradient: point.gradient }]);
});

test("dead and saturated units are counted", () => {
  // Unit 0 is always off, unit 1 varies.
  const relu = [{ dense: { units: 2, activation: "relu" } }];
  const dead = measured(relu, Float32Array.of(0, 1, 0, 0, -1, 0, 1, 1, 0), 0.1);
  expect(dead.layers[0]).toMatchObject({ name: "layers.0", dead: 0.5 });
  expect(dead.layers[0]?.active).toBeLessThan(0.5);
  const steep = [{ dense: { units: 1, activation: "tanh" } }];
  const saturated = measured(steep, Float32Array.of(1e4, 0, 0, 1, 0), 0.1).layers[0]?.saturated;
  expect(saturated).toBeGreaterThan(0.95);
});

test("a training with probes has the same weights, and equal probes in js and wasm-plain", () => {
  const job = (probes?: object): TrainJob => ({
    network: networkOf([{ dense: { units: 4, activation: "tanh" } }, { dropout: 0.2 }]),
    spec: TrainSpec.parse({ epochs: 4, batch: 16, ...(probes ? { probes } : {}) }),
    variant: "js",
    x,
    y,
    rows,
    key: key(3),
  });
  const [plain, probed] = [train(job()), train(job({ every: 2 }))];
  if (plain.status !== "done" || probed.status !== "done") throw new Error("not done");
  expect(probed.weights).toEqual(plain.weights);
  expect(probed.curve.map((point) => point.probes !== undefined)).toEqual([
    true,
    false,
    true,
    false,
  ]);
  expect(train({ ...job({ every: 2 }), variant: "wasm-plain" })).toEqual(probed);
});

test("the first value that is not finite is named by layer and op", () => {
  const network = networkOf([{ dense: { units: 2, activation: "relu" } }, { dense: { units: 2 } }]);
  const weights = (change: (w: Float32Array) => void): Float32Array => {
    const w = new Float32Array(network.parameters.size).fill(1);
    change(w);
    return w;
  };
  const found = (w: Float32Array, input = x) => provenance(network, "squaredError", w, input, y, 4);
  expect(found(weights(() => {}))).toBeNull();
  const bias = network.parameters.tensors.find(({ name }) => name === "layers.1.dense.bias")!;
  expect(found(weights((w) => w.fill(NaN, bias.offset, bias.offset + 1)))).toEqual({
    layer: "layers.1",
    op: "weights",
  });
  expect(found(weights((w) => w.fill(3e38, 6, 10)))).toMatchObject({
    layer: "layers.1",
    op: "matmul",
  });
  expect(
    found(
      weights(() => {}),
      x.map((_, i) => (i === 3 ? Infinity : 0)),
    ),
  ).toEqual({
    layer: "input",
    op: "rows",
  });
  const steep = weights((w) => w.fill(1e10));
  expect(found(steep)).toMatchObject({ layer: "output" });
});
