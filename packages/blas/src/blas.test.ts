import {
  adoptProducts,
  buildNetwork,
  JS_KERNELS,
  key,
  normals,
  train,
  variantAvailability,
} from "@manyfold/core";
import {
  arithmeticOf,
  type ComputedOp,
  firstDifference,
  firstExcess,
  numbers,
  SIZES,
  USES,
  valuesOf,
} from "@manyfold/core/testing";
import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { openBlas } from "./blas.ts";

const found = await openBlas().catch((error: unknown) => String(error));
const none = typeof found === "string";

test("a machine without one is told what to install", async () => {
  const nowhere = openBlas({ platform: "plan9" });
  await expect(nowhere).rejects.toThrow(/^BLAS must be a library .* got none for plan9\./);
  await expect(nowhere).rejects.toMatchObject({
    code: "environment",
    help: expect.stringMatching(/libopenblas0.*brew install openblas.*MKL/) as string,
  });
  const elsewhere = openBlas({ platform: "linux", libraries: ["accelerate"] });
  await expect(elsewhere).rejects.toThrow(/none for linux/);
});

// Debian and Ubuntu: apt install libopenblas0. test/blas/install-library.sh does that where it may.
describe.skipIf(none)("with a library on this machine", () => {
  beforeAll(() => {
    if (typeof found !== "string") adoptProducts(found.products);
  });
  const kernels = () => arithmeticOf("blas").kernels;

  test("says which one it is, and the variant is there", () => {
    expect(found).toMatchObject({
      description: expect.stringMatching(/^(OpenBLAS|MKL|Accelerate) \(/) as string,
    });
    expect(variantAvailability("blas")).toEqual({ available: true });
    expect(kernels().variant).toBe("blas");
  });

  test("products are the exact ones within the error of float32 sums, NaN and infinities kept", () => {
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.constantFrom(...SIZES)),
        fc.nat(),
        fc.constantFrom(0, 0.02, 0.5),
        (stream, seed, wild) => {
          for (const use of USES.matmul(() => stream.next().value)) {
            expect(firstExcess(use, kernels(), seed, wild)).toBe(null);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test.each([
    [300, 3, 40],
    [37, 513, 18],
    [31, 520, 1],
    [1, 700, 33],
  ])("products of %i x %i x %i", (rows, inner, columns) => {
    let at = 0;
    for (const use of USES.matmul(() => [rows, inner, columns][at++ % 3]!)) {
      expect(firstExcess(use, kernels(), 1, 0)).toBe(null);
    }
  });

  const names = Object.keys(USES) as ComputedOp[];
  test.each(names.filter((name) => name !== "matmul"))("%s is as in js, to the bit", (name) => {
    for (const use of USES[name](() => 13)) {
      const expected = valuesOf(use, JS_KERNELS.float32, 4, 0.2);
      expect(firstDifference(valuesOf(use, kernels(), 4, 0.2), expected)).toBe(null);
    }
  });

  test("a training ends close to that of the other kernels, and again at the same bits here", () => {
    const job = {
      network: buildNetwork(
        ModelSpec.parse({ layers: [{ dense: { units: 17, activation: "tanh" } }] }),
        { inputs: 5, task: "regression", outputs: 1 },
      ),
      spec: TrainSpec.parse({ epochs: 3, batch: 7, earlyStopping: { patience: 2 } }),
      x: Float32Array.from(normals(key(1), 200)),
      y: Float32Array.from(normals(key(2), 40)),
      rows: Uint32Array.from({ length: 30 }, (_, i) => i),
      held: Uint32Array.from({ length: 10 }, (_, i) => 30 + i),
      key: key(3),
    };
    const js = train({ ...job, variant: "js" });
    const blas = train({ ...job, variant: "blas" });
    expect(train({ ...job, variant: "blas" })).toEqual(blas);
    if (js.status !== "done" || blas.status !== "done") throw new Error("a training failed");
    blas.weights.forEach((weight, i) => expect(weight).toBeCloseTo(js.weights[i]!, 4));
    expect(blas.curve).toHaveLength(js.curve.length);
  });

  test("a product writes its own elements and reads no others", () => {
    if (typeof found === "string") return;
    const values = new Float32Array(64).fill(Number.NaN);
    values.set(numbers(1, "a", 6, 0), 8);
    values.set(numbers(1, "b", 6, 0), 24);
    const product = { rows: 2, columns: 2, inner: 3, c: 40 };
    const a = { offset: 8, transposed: false };
    found.products.bind(values, { ...product, a, b: { offset: 24, transposed: true } })();
    const written = [...values.entries()].filter(([, value]) => !Number.isNaN(value));
    expect(written.map(([index]) => index)).toEqual([
      8, 9, 10, 11, 12, 13, 24, 25, 26, 27, 28, 29, 40, 41, 42, 43,
    ]);
  });
});
