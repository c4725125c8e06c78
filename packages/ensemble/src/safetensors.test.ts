import { ManyfoldError } from "@manyfold/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeSafetensors, encodeSafetensors, type Tensor } from "./safetensors.ts";

const tensor: fc.Arbitrary<Tensor> = fc
  .array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 })
  .chain((shape) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const numbers = fc.array(fc.float(), { minLength: size, maxLength: size });
    return numbers.map((values) => ({ shape, values: Float32Array.from(values) }));
  });
const tensors = fc
  .dictionary(fc.string({ unit: "binary" }), tensor, { maxKeys: 6 })
  .map((named) => new Map(Object.entries(named).filter(([name]) => name !== "__metadata__")));

/** A file with this header and these many bytes of values. */
function file(header: unknown, bytes = 0, length?: bigint): Uint8Array {
  const text = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const made = new Uint8Array(8 + text.length + bytes);
  new DataView(made.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  made.set(text, 8);
  return made;
}

const f32 = (shape: number[], ...offsets: number[]) => ({
  dtype: "F32",
  shape,
  data_offsets: offsets,
});

/** Whether a call ends well or in the one kind of error. */
function endsWell(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch (error) {
    return error instanceof ManyfoldError && error.code === "artifact";
  }
}

describe("safetensors", () => {
  test("the published layout, byte by byte", () => {
    const bytes = encodeSafetensors(
      new Map([
        ["b", { shape: [1], values: Float32Array.of(-2) }],
        ["a", { shape: [2, 1], values: Float32Array.of(1, 0.5) }],
      ]),
    );
    const header = `{"a":{"data_offsets":[0,8],"dtype":"F32","shape":[2,1]},"b":{"data_offsets":[8,12],"dtype":"F32","shape":[1]}}`;
    const padded = Math.ceil(header.length / 8) * 8;
    const view = new DataView(bytes.buffer);
    expect(view.getBigUint64(0, true)).toBe(BigInt(padded));
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + padded))).toBe(header.padEnd(padded));
    expect([0, 4, 8].map((at) => view.getFloat32(8 + padded + at, true))).toEqual([1, 0.5, -2]);
    expect(bytes.length).toBe(8 + padded + 12);
  });

  test("what is written reads back to the same bits, whatever the order it came in", () => {
    fc.assert(
      fc.property(tensors, (given) => {
        const bytes = encodeSafetensors(given);
        const read = decodeSafetensors(bytes);
        expect(read).toEqual(given);
        expect(encodeSafetensors(new Map([...given].reverse()))).toEqual(bytes);
        expect(encodeSafetensors(read)).toEqual(bytes);
      }),
    );
  });

  test("no name is special to the language", () => {
    const odd = new Map(
      ["__proto__", "constructor", ""].map((name): [string, Tensor] => [
        name,
        { shape: [1], values: Float32Array.of(name.length) },
      ]),
    );
    expect(decodeSafetensors(encodeSafetensors(odd))).toEqual(odd);
  });

  test("bytes at any place of a larger buffer are read", () => {
    const bytes = encodeSafetensors(new Map([["a", { shape: [], values: Float32Array.of(7) }]]));
    const within = new Uint8Array(bytes.length + 3);
    within.set(bytes, 3);
    expect(decodeSafetensors(within.subarray(3)).get("a")?.values).toEqual(Float32Array.of(7));
  });

  test("every truncation is refused", () => {
    const bytes = encodeSafetensors(
      new Map([["a", { shape: [3], values: Float32Array.of(1, 2, 3) }]]),
    );
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSafetensors(bytes.subarray(0, length))).toThrow(ManyfoldError);
    }
    expect(() => decodeSafetensors(Uint8Array.of(...bytes, 0))).toThrow("bytes long");
  });

  test.each<[string, Uint8Array]>([
    ["a header longer than the file", file({}, 0, 1n << 40n)],
    ["a header length beyond 2^63", file({}, 0, (1n << 64n) - 1n)],
    ["no JSON", file("{", 0)],
    ["a list", file([])],
    ["null", file("null")],
    ["bytes that are not UTF-8", file("\u0000").fill(0xff, 8)],
    ["deep nesting", file("[".repeat(200_000))],
    ["another dtype", file({ a: { ...f32([1], 0, 4), dtype: "F64" } }, 4)],
    ["no shape", file({ a: { dtype: "F32", data_offsets: [0, 4] } }, 4)],
    ["a fractional size", file({ a: f32([0.5], 0, 2) }, 2)],
    ["a negative size", file({ a: f32([-1], 0, 4) }, 4)],
    ["three offsets", file({ a: f32([1], 0, 4, 8) }, 8)],
    ["a size that is not the shape's", file({ a: f32([2], 0, 4) }, 4)],
    ["an end before the begin", file({ a: f32([1], 4, 0) }, 4)],
    ["a gap", file({ a: f32([1], 4, 8) }, 8)],
    ["an overlap", file({ a: f32([1], 0, 4), b: f32([1], 0, 4) }, 4)],
    ["values beyond the file", file({ a: f32([1000], 0, 4000) }, 4)],
    ["a shape beyond counting", file({ a: f32([2 ** 40, 2 ** 40, 2 ** 40], 0, 4) }, 4)],
    ["a rest", file({ a: f32([1], 0, 4) }, 8)],
  ])("refuses %s", (_, bytes) => {
    expect(() => decodeSafetensors(bytes)).toThrow(ManyfoldError);
  });

  test("what other writers note about the file changes nothing", () => {
    const noted = file({ __metadata__: { format: "pt" }, a: f32([1], 0, 4) }, 4);
    expect([...decodeSafetensors(noted).keys()]).toEqual(["a"]);
  });

  test("any bytes give tensors or the one kind of error", () => {
    const read = (bytes: Uint8Array) => {
      expect(endsWell(() => decodeSafetensors(bytes))).toBe(true);
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), read), { numRuns: 300 });
    fc.assert(
      fc.property(tensors, fc.nat(), fc.nat(255), (given, at, byte) => {
        const bytes = encodeSafetensors(given);
        bytes[at % bytes.length] = byte;
        read(bytes);
      }),
      { numRuns: 300 },
    );
    fc.assert(fc.property(fc.json(), fc.nat(64), (json, rest) => read(file(json, rest))));
  });
});
