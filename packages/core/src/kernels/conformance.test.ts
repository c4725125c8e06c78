import v8 from "node:v8";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { engineFlags, variantAvailability } from "../arithmetic.ts";
import * as ops from "../ops.ts";
import { key, words } from "../rng.ts";
import { evaluateGraph } from "../run.ts";
import { firstDifference, firstExcess, numbers, SIZES, USES, valuesOf } from "./conformance.ts";
import { JS_KERNELS } from "./js/set.ts";
import type { ComputedOp, KernelSet } from "./kernels.ts";
import type { Binary } from "./wasm/engine.ts";
import { type Block, BLOCKS } from "./wasm/matmul.ts";
import { compileKernels } from "./wasm/set.ts";

const [major] = process.versions.node.split(".").map(Number);
for (const flag of engineFlags(major ?? 0)) v8.setFlagsFromString(flag);

const blocks = Object.keys(BLOCKS) as Block[];
const setOf = (binary: Binary, block: Block): KernelSet => compileKernels(binary, () => block).set;
const PLAIN = blocks.map((block) => ({ block, set: setOf("plain", block) }));
const fused = variantAvailability("wasm-fma").available;
const FUSED = fused ? blocks.map((block) => ({ block, set: setOf("fused", block) })) : [];

const names = Object.keys(USES) as ComputedOp[];

describe("wasm-plain agrees with js in float32 to the bit", () => {
  test.each(names)("%s", (name) => {
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.constantFrom(...SIZES)),
        fc.nat(),
        fc.constantFrom(0, 0.02, 0.5),
        (stream, seed, wild) => {
          for (const use of USES[name](() => stream.next().value)) {
            const expected = valuesOf(use, JS_KERNELS.float32, seed, wild);
            for (const { block, set } of name === "matmul" ? PLAIN : PLAIN.slice(0, 1)) {
              const difference = firstDifference(valuesOf(use, set, seed, wild), expected);
              expect({ block, difference }).toEqual({ block, difference: null });
            }
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  // Longer than what is packed at once, and strides that packing is for.
  const LARGE: [number, number, number][] = [
    [3, 300, 40],
    [37, 513, 18],
    [520, 31, 33],
  ];
  test.each(LARGE)("products of %i x %i x %i", (rows, inner, columns) => {
    let at = 0;
    const size = (): number => [rows, inner, columns][at++ % 3]!;
    for (const use of USES.matmul(size)) {
      const expected = valuesOf(use, JS_KERNELS.float32, 1, 0);
      for (const { set } of PLAIN) {
        expect(firstDifference(valuesOf(use, set, 1, 0), expected)).toBe(null);
      }
      const [first, ...others] = FUSED.map(({ set }) => valuesOf(use, set, 1, 0));
      for (const other of others) expect(firstDifference(other, first!)).toBe(null);
    }
  });

  const FUNCTIONS = {
    exp: ops.exp,
    expm1: ops.expm1,
    log: ops.log,
    log1p: ops.log1p,
    sigmoid: ops.sigmoid,
    tanh: ops.tanh,
    softplus: ops.softplus,
  };
  test.each(Object.entries(FUNCTIONS))("%s over all exponents", (_, apply) => {
    const bits = words(key(9), 40_000);
    const x = [...new Float32Array(bits.buffer, bits.byteOffset, bits.length)];
    const node = apply(ops.input("x", [x.length]));
    const of = (set: KernelSet): number[] => [
      ...evaluateGraph({ outputs: { y: node } }, { x }, set).y,
    ];
    expect(firstDifference(of(PLAIN[0]!.set), of(JS_KERNELS.float32))).toBe(null);
  });
});

test("every set's products are the exact ones within the error of float32 sums", () => {
  const sets = [JS_KERNELS.float32, ...[...PLAIN, ...FUSED].map(({ set }) => set)];
  fc.assert(
    fc.property(
      fc.infiniteStream(fc.constantFrom(...SIZES)),
      fc.nat(),
      fc.constantFrom(0, 0.02, 0.5),
      (stream, seed, wild) => {
        for (const use of USES.matmul(() => stream.next().value)) {
          for (const set of sets) expect(firstExcess(use, set, seed, wild)).toBe(null);
        }
      },
    ),
    { numRuns: 15 },
  );
});

describe.skipIf(!fused)("wasm-fma", () => {
  test("all its blocks agree to the bit", () => {
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.constantFrom(...SIZES)),
        fc.nat(),
        fc.constantFrom(0, 0.1),
        (stream, seed, wild) => {
          for (const use of USES.matmul(() => stream.next().value)) {
            const [first, ...others] = FUSED.map(({ set }) => valuesOf(use, set, seed, wild));
            for (const other of others) expect(firstDifference(other, first!)).toBe(null);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test("rounds a product and its sum once: the sum of squares of floats within half a unit", () => {
    const x = numbers(3, "x", 2, 0);
    const product = ops.matmul(ops.input("x", [1, 2]), ops.input("y", [2, 1]));
    const [sum] = evaluateGraph({ outputs: { product } }, { x, y: x }, FUSED[0]!.set).product;
    // The first product is rounded to float32, the second enters the sum exactly.
    const first = Math.fround(x[0]! * x[0]!);
    expect(sum).toBe(Math.fround(first + x[1]! * x[1]!));
  });

  test.each(names.filter((name) => name !== "matmul"))("%s is as in wasm-plain", (name) => {
    for (const use of USES[name](() => 13)) {
      const expected = valuesOf(use, PLAIN[0]!.set, 4, 0.2);
      expect(firstDifference(valuesOf(use, FUSED[0]!.set, 4, 0.2), expected)).toBe(null);
    }
  });
});

test("a program that would need more than 4 GiB is refused", () => {
  expect(() => PLAIN[0]!.set.allocate(2 ** 30)).toThrow(/at most 4 GiB/);
});
