import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { buildNetwork } from "./network.ts";
import { PARTS, peakRate, startMeter } from "./profile.ts";
import { integers, key, normals } from "./rng.ts";
import { train } from "./train.ts";

const job = {
  network: buildNetwork(
    ModelSpec.parse({ layers: [{ dense: { units: 7, activation: "relu" } }, { dropout: 0.2 }] }),
    { inputs: 5, task: "classification", outputs: 3 },
  ),
  spec: TrainSpec.parse({ epochs: 2, batch: 10 }),
  x: Float32Array.from(normals(key(1), 200)),
  y: Float32Array.from(integers(key(2), 40, 3)),
  rows: Uint32Array.from({ length: 40 }, (_, i) => i),
  key: key(3),
};

test.each(["js", "wasm-plain"] as const)(
  "in %s all time has a part, and no bit changes",
  (variant) => {
    let looks = 0;
    const meter = startMeter(() => looks++);
    const measured = train({ ...job, variant, meter });
    const { milliseconds, operations } = meter.take();
    expect(measured).toEqual(train({ ...job, variant }));
    // Every look at this clock is a millisecond, and every millisecond has its part; one look starts
    // the meter and one takes what was found.
    expect(PARTS.reduce((sum, part) => sum + milliseconds[part], 0)).toBe(looks - 2);
    for (const part of ["gemm", "elementwise", "loss"] as const) {
      expect(milliseconds[part]).toBeGreaterThan(0);
    }
    expect(milliseconds).toMatchObject({ gather: 8, optimizer: 8 });
    // Two products forward, two gradients of weights, one of the hidden layer, in 8 steps of 10 rows.
    expect(operations).toBe(8 * 2 * 10 * (2 * 5 * 7 + 3 * 7 * 3));
    const empty = { gemm: 0, elementwise: 0, loss: 0, optimizer: 0, gather: 0, rest: 0 };
    expect(meter.take()).toEqual({ milliseconds: empty, operations: 0 });
  },
);

test("without a meter nobody is told anything, whatever ran before", () => {
  let looks = 0;
  train({ ...job, variant: "wasm-plain", meter: startMeter(() => looks++) });
  const before = looks;
  train({ ...job, variant: "wasm-plain" });
  expect(looks).toBe(before);
});

test("the peak is that of the fastest round, in each variant that has one", () => {
  let time = 0;
  const now = (): number => (time += 0.5);
  expect(peakRate("js", now)).toBe(null);
  expect(peakRate("wasm-plain", now)).toBeCloseTo((4000 * 24 * 8) / 0.5 / 1e6);
});
