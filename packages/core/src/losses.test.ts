import { Loss, OutputHead } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { vjp } from "./autodiff.ts";
import { headFor, headRule } from "./heads.ts";
import { lossFor, lossRows } from "./losses.ts";
import * as ops from "./ops.ts";
import { fold, key, normals } from "./rng.ts";
import { evaluateGraph } from "./run.ts";

const ROWS = 5;
const softplus = (s: number) => Math.log1p(Math.exp(s));
const normal = (y: number, mean: number, variance: number) =>
  Math.exp((-0.5 * (y - mean) ** 2) / variance) / Math.sqrt(2 * Math.PI * variance);

/** A loss of a head on random logits and targets: values per row, and its gradient in the logits. */
function lossOf(output: unknown, loss: unknown, targets: number, seed = 1) {
  const io = { inputs: 1, task: "regression", outputs: targets } as const;
  const head = headFor(OutputHead.parse(output), io);
  const width = headRule(head).logits(targets);
  const z = ops.input("z", [ROWS, width]);
  const y = ops.input("y", [ROWS, targets]);
  const rows = lossRows(lossFor(Loss.parse(loss), head, y.shape[1]!), z, y, head);
  const [gradient] = vjp([rows], [ops.constant(1, [ROWS])], [z]);
  const prediction = headRule(head).prediction(z, "regression");
  const values = {
    z: normals(fold(key(seed), "z"), ROWS * width),
    y: normals(fold(key(seed), "y"), ROWS * targets),
  };
  const at = (own: typeof values) =>
    evaluateGraph({ outputs: { rows, gradient, prediction } }, own);
  return { width, values, at, ...at(values) };
}

describe.each([
  ["linear", "squaredError"],
  ["linear", "absoluteError"],
  ["linear", { huber: { delta: 0.7 } }],
  ["sigmoid", "binaryCrossEntropy"],
  ["gaussian", "gaussianNll"],
  [{ gaussian: { minVariance: 0.1 } }, "auto"],
  ["mixture", "mixtureNll"],
  [{ mixture: { components: 5 } }, "auto"],
  ["linear", { perTarget: [{ loss: "huber" }, { loss: "absoluteError", weight: 0.3 }] }],
  ["gaussian", { perTarget: [{ loss: { gaussianNll: { beta: 0 } } }, { weight: 2 }] }],
])("%o with %o", (output, loss) => {
  test("its gradient is that of differences", () => {
    const { values, gradient, at, width } = lossOf(output, loss, 2);
    const h = 1e-6;
    for (let i = 0; i < values.z.length; i++) {
      const moved = (by: number) => {
        const z = values.z.slice();
        z[i]! += by;
        return at({ ...values, z }).rows[Math.floor(i / width)]!;
      };
      expect(Math.abs(gradient[i]! - (moved(h) - moved(-h)) / (2 * h))).toBeLessThan(1e-7);
    }
  });
});

test("the Gaussian loss is minus the log density; its parts are ½[log 2πσ² + (y-μ)²/σ²]", () => {
  const { rows, values, gradient, prediction } = lossOf("gaussian", "auto", 1);
  for (let row = 0; row < ROWS; row++) {
    const [mean, s] = [values.z[2 * row]!, values.z[2 * row + 1]!];
    const variance = softplus(s) + 1e-6;
    const y = values.y[row]!;
    expect(rows[row]).toBeCloseTo(-Math.log(normal(y, mean, variance)), 12);
    expect(gradient[2 * row]).toBeCloseTo((mean - y) / variance, 10);
    const inVariance = 0.5 * (1 / variance - (y - mean) ** 2 / variance ** 2);
    expect(gradient[2 * row + 1]).toBeCloseTo(inVariance / (1 + Math.exp(-s)), 10);
    expect(prediction[2 * row]).toBe(mean);
    expect(prediction[2 * row + 1]).toBeCloseTo(variance, 12);
  }
});

test("beta weighs a row's gradient by its variance to that power, as a constant", () => {
  const plain = lossOf("gaussian", "auto", 1);
  const half = lossOf("gaussian", { gaussianNll: { beta: 0.5 } }, 1);
  for (let at = 0; at < plain.gradient.length; at++) {
    const variance = plain.prediction[2 * Math.floor(at / 2) + 1]!;
    expect(half.gradient[at]).toBeCloseTo(plain.gradient[at]! * Math.sqrt(variance), 12);
  }
});

test("the mixture loss is minus the log of a sum of densities, stable far from all of them", () => {
  const C = 3;
  const { rows, values, prediction, at } = lossOf({ mixture: { components: C } }, "auto", 2);
  for (let row = 0; row < ROWS; row++) {
    let loss = 0;
    for (let target = 0; target < 2; target++) {
      const part = (index: number, c: number) => values.z[row * 18 + (index * 2 + target) * C + c]!;
      const total = [0, 1, 2].reduce((sum, c) => sum + Math.exp(part(0, c)), 0);
      const weights = [0, 1, 2].map((c) => Math.exp(part(0, c)) / total);
      const variances = [0, 1, 2].map((c) => softplus(part(2, c)) + 1e-6);
      const y = values.y[row * 2 + target]!;
      const density = weights.reduce(
        (sum, w, c) => sum + w * normal(y, part(1, c), variances[c]!),
        0,
      );
      loss -= Math.log(density);
      const mean = weights.reduce((sum, w, c) => sum + w * part(1, c), 0);
      const second = weights.reduce((sum, w, c) => sum + w * (variances[c]! + part(1, c) ** 2), 0);
      const columns = prediction.length / ROWS;
      expect(columns).toBe(2 + 2 + 3 * 2 * C);
      expect(prediction[row * columns + target]).toBeCloseTo(mean, 12);
      expect(prediction[row * columns + 2 + target]).toBeCloseTo(second - mean ** 2, 12);
      weights.forEach((w, c) =>
        expect(prediction[row * columns + 4 + target * C + c]).toBeCloseTo(w, 12),
      );
    }
    expect(rows[row]).toBeCloseTo(loss, 11);
  }
  const far = at({ ...values, y: values.y.map((value) => value + 1e4) });
  expect([...far.rows, ...far.gradient].every(Number.isFinite)).toBe(true);
});

test("sigmoid outputs at logits of 800 have a finite loss and the gradient sigmoid(z) - y", () => {
  const z = ops.input("z", [4, 1]);
  const y = ops.input("y", [4, 1]);
  const rows = lossRows("binaryCrossEntropy", z, y, "sigmoid");
  const [gradient] = vjp([rows], [ops.constant(1, [4])], [z]);
  const found = evaluateGraph(
    { outputs: { rows, gradient } },
    { z: [800, 800, -800, -800], y: [1, 0, 1, 0] },
  );
  expect([...found.rows]).toEqual([0, 800, 800, 0]);
  expect([...found.gradient].map(Math.abs)).toEqual([0, 1, 1, 0]);
});

test("huber is squared error near 0 and linear beyond delta", () => {
  const z = ops.input("z", [3, 1]);
  const rows = lossRows({ huber: { delta: 2 } }, z, ops.constant(0, [3, 1]), "linear");
  expect([...evaluateGraph({ outputs: { rows } }, { z: [1, -2, 5] }).rows]).toEqual([0.5, 2, 8]);
});

test("losses and heads that do not fit are refused with what would", () => {
  const gaussian = OutputHead.parse("gaussian");
  if (gaussian === "auto") throw new Error("Not auto.");
  expect(() => lossFor("squaredError", gaussian, 1)).toThrow(
    'train.loss must be auto or one that fits a gaussian output (gaussianNll), got "squaredError".',
  );
  expect(() => lossFor(Loss.parse("gaussianNll"), "linear", 1)).toThrow(
    "fits a linear output (squaredError, absoluteError, huber)",
  );
  const io = { inputs: 1, task: "classification", outputs: 2 } as const;
  expect(() => headFor(gaussian, io)).toThrow("model.output must be softmax or sigmoid");
});

describe("losses per target", () => {
  test.each(["linear", "sigmoid", "gaussian", "mixture"])(
    "add up to the loss of all targets where all count alike, by a %s output",
    (output) => {
      const one = { loss: output === "sigmoid" ? "squaredError" : "auto", weight: 1 };
      const whole = lossOf(output, one.loss, 3);
      const parts = lossOf(output, { perTarget: [one, one, one] }, 3);
      for (const [i, value] of whole.rows.entries()) expect(parts.rows[i]).toBeCloseTo(value, 13);
      for (const [i, value] of whole.gradient.entries()) {
        expect(parts.gradient[i]).toBeCloseTo(value, 13);
      }
    },
  );

  test("are the weighted sum of each target's own", () => {
    const perTarget = [{ loss: "absoluteError", weight: 0.5 }, { weight: 3 }, { weight: 0 }];
    const { rows, gradient, values } = lossOf("linear", { perTarget }, 3);
    for (let row = 0; row < ROWS; row++) {
      const [a, b] = [0, 1].map((i) => values.z[3 * row + i]! - values.y[3 * row + i]!);
      expect(rows[row]).toBeCloseTo(0.5 * Math.abs(a!) + (3 / 2) * b! * b!, 13);
      expect(gradient[3 * row]).toBeCloseTo(0.5 * Math.sign(a!), 13);
      expect(gradient[3 * row + 1]).toBeCloseTo(3 * b!, 13);
      expect(Math.abs(gradient[3 * row + 2]!)).toBe(0);
    }
  });

  test("are as many as there are targets, each of them one that fits", () => {
    const loss = (perTarget: object[]) => Loss.parse({ perTarget });
    expect(() => lossFor(loss([{}]), "linear", 2)).toThrow(
      "train.loss.perTarget must be a list of 2 losses, one for each column of data.target, got 1.",
    );
    expect(() => lossFor(loss([{}, { loss: "mixtureNll" }]), "linear", 2)).toThrow(
      "train.loss.perTarget.1.loss must be auto or one that fits a linear output",
    );
  });
});
