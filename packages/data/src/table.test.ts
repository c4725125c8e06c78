import { hashBytes, ManyfoldError } from "@manyfold/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeTable, encodeTable, rowsOf, tableRef } from "./table.ts";

const columns = {
  x: Float32Array.of(1, 2, 3, 4, 5, -0),
  y: Float32Array.of(0, 1, 1),
  roles: Uint8Array.of(0, 2, 1),
  rowNumbers: Uint32Array.of(0, 4, 7),
  classes: 2,
};
const bytes = encodeTable(columns);

test("decodes to what was encoded, by views on the same memory", () => {
  const table = decodeTable(bytes);
  expect(table.ref).toEqual({
    hash: hashBytes(bytes),
    bytes: bytes.length,
    rows: 3,
    inputs: 2,
    targets: 1,
    classes: 2,
  });
  const { x, y, roles, rowNumbers } = table;
  expect({ x, y, roles, rowNumbers, classes: 2 }).toEqual(columns);
  for (const view of [x, y, roles, rowNumbers]) {
    expect(view.buffer).toBe(bytes.buffer);
    expect(view.byteOffset % 64).toBe(0);
  }
  expect(rowsOf(table, "train")).toEqual(Uint32Array.of(0));
  expect(rowsOf(table, "validation")).toEqual(Uint32Array.of(2));
  expect(rowsOf(table, "test")).toEqual(Uint32Array.of(1));
});

test("any table comes back; equal tables are equal bytes", () => {
  const sizes = fc.record({
    rows: fc.integer({ min: 1, max: 20 }),
    inputs: fc.integer({ min: 1, max: 20 }),
    targets: fc.integer({ min: 1, max: 3 }),
    heads: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(sizes, fc.nat(), ({ rows, inputs, targets, heads }, seed) => {
      const filled = (length: number) =>
        Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(seed + i)));
      const own = {
        x: filled(rows * inputs),
        y: filled(rows * targets),
        sides: Float32Array.from({ length: rows * heads }, (_, i) => (i + seed) % 2),
        roles: Uint8Array.from({ length: rows }, (_, i) => (i + seed) % 3),
        rowNumbers: Uint32Array.from({ length: rows }, (_, i) => 2 * i),
        classes: 0,
        heads: Array.from({ length: heads }, (_, i) => 2 * (i % 2)),
      };
      const encoded = encodeTable(own);
      const { ref, ...views } = decodeTable(encoded);
      expect({ ...views, classes: ref.classes, heads: ref.heads ?? [] }).toEqual(own);
      expect(encodeTable(own)).toEqual(encoded);
    }),
  );
});

test("shared memory is viewed, odd places in memory are copied", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  const table = decodeTable(shared, tableRef(bytes));
  expect(table.x.buffer).toBe(shared.buffer);
  expect(table.x).toEqual(columns.x);

  const odd = new Uint8Array(bytes.length + 1).subarray(1);
  odd.set(bytes);
  expect(decodeTable(odd).rowNumbers).toEqual(columns.rowNumbers);
});

describe("damaged bytes", () => {
  const changed = (change: (copy: Uint8Array<ArrayBuffer>, view: DataView) => void) => {
    const copy = bytes.slice();
    change(copy, new DataView(copy.buffer));
    return copy;
  };

  test("every shorter piece is refused", () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeTable(bytes.subarray(0, length))).toThrow(ManyfoldError);
    }
  });

  test.each<[string, Uint8Array, string]>([
    ["another file", changed((copy) => copy.set([80, 75, 3, 4])), "a prepared table of Manyfold"],
    ["a newer version", changed((_, view) => view.setUint32(8, 2, true)), "of version 1, got 2"],
    ["a long header", changed((_, view) => view.setUint32(12, 1e9, true)), "must be complete"],
    ["no JSON", changed((copy) => copy.set([0], 16)), "headed by JSON"],
    ["more bytes", Uint8Array.of(...bytes, 0), "as its header says"],
    ["an unknown role", changed((copy) => copy.set([9], 192)), "of known roles, got 9"],
    [
      "an unknown class",
      changed((_, view) => view.setFloat32(128, 2, true)),
      "of class indices below 2, got 2",
    ],
  ])("%s", (_, damaged, message) => {
    expect(() => decodeTable(damaged)).toThrow(message);
  });

  test("of another size than their reference", () => {
    expect(() => decodeTable(bytes, { ...tableRef(bytes), rows: 4 })).toThrow(
      "prepared table must be of 4 rows, as its reference says, got 3.",
    );
  });
});
