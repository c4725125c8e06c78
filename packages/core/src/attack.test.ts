import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { attackBox, attacked } from "./attack.ts";
import { buildNetwork } from "./network.ts";
import { key, normals } from "./rng.ts";
import { train } from "./train.ts";

const all = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, row) => row);

test("on a linear network the worst rows are known: every input a whole reach uphill", () => {
  const network = buildNetwork(ModelSpec.parse({ layers: [] }), {
    inputs: 2,
    task: "classification",
    outputs: 2,
  });
  const x = Float32Array.of(0, 0, 1, 4, 0.5, 2, 0.5, 2.1);
  const y = Float32Array.of(0, 1, 0, 1);
  // Margin of the second class: 2 a - b / 2.
  const weights = Float32Array.of(0, 2, 0, -0.5, 0, 0);
  const source = { network, x, y };
  const box = attackBox(source, all(4), 0.1);
  [0.1, 0.4].forEach((reach, i) => expect(box.reach[i]).toBeCloseTo(reach, 6));
  const settings = { loss: "softmaxCrossEntropy", box, steps: 10 } as const;
  const { clean, moved } = attacked(source, weights, all(4), settings);
  const loss = (rows: readonly (readonly [number, number])[]) =>
    rows.reduce((sum, [margin, label]) => {
      return sum + Math.log1p(Math.exp(label === 1 ? -margin : margin)) / rows.length;
    }, 0);
  const margins = [0, 0, 0, -0.05] as const;
  expect(clean.loss).toBeCloseTo(loss(margins.map((m, i) => [m, y[i]!])), 6);
  // Inside 0.2 + 0.2 against the label; the first and second rows are in corners of the box.
  const worst = [0.2, -0.2, 0.4, -0.45] as const;
  expect(moved.loss).toBeCloseTo(loss(worst.map((m, i) => [m, y[i]!])), 6);
  expect(moved.error).toBe(1);
  const fast = attacked(source, weights, all(4), { ...settings, steps: 1 });
  expect(fast.moved.loss).toBeCloseTo(moved.loss, 6);
});

test("a network trained on moved rows errs less on rows that are moved by more steps", () => {
  const count = 300;
  const noise = normals(key(1), 8 * count);
  const y = Float32Array.from({ length: count }, (_, row) => row % 2);
  // One input that decides, seven with a little of the answer each, as tempting and as fragile.
  const x = noise.map((z, at) => {
    const side = 2 * y[Math.floor(at / 8)]! - 1;
    return at % 8 === 0 ? 2 * side + 0.8 * z : 0.3 * side + 0.3 * z;
  });
  const network = buildNetwork(
    ModelSpec.parse({ layers: [{ dense: { units: 16, activation: "relu" } }] }),
    {
      inputs: 8,
      task: "classification",
      outputs: 2,
    },
  );
  const source = { network, x: Float32Array.from(x), y };
  const [rows, test] = [all(200), all(300).subarray(200)];
  const box = attackBox(source, rows, 0.15);
  const of = (spec: object) => {
    const parsed = TrainSpec.parse({ epochs: 30, optimizer: { adam: { lr: 0.01 } }, ...spec });
    const outcome = train({ ...source, spec: parsed, variant: "js", rows, key: key(2) });
    if (outcome.status !== "done") throw new Error(outcome.status);
    const settings = { loss: "softmaxCrossEntropy", box, steps: 10 } as const;
    return attacked(source, outcome.weights, test, settings);
  };
  const [plain, hardened] = [of({}), of({ adversarial: { epsilon: 0.15 } })];
  expect(plain.moved.loss).toBeGreaterThan(2 * plain.clean.loss);
  expect(hardened.moved.loss).toBeLessThan(0.9 * plain.moved.loss);
  expect(hardened.moved.error).toBeLessThanOrEqual(plain.moved.error);
});
