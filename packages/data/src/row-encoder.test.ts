import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeRows } from "./encode.ts";
import { fitPreprocessing } from "./preprocessing.ts";
import { rawTable } from "./raw-table.ts";
import { inputsFromRecords } from "./records.ts";
import { rowEncoder } from "./row-encoder.ts";
import { cellsOf, specOf } from "./testing/sources.ts";

const cells = cellsOf({
  age: ["30", "", "50.5"],
  town: ["Rome", "Bari", ""],
  smoker: ["yes", "", "no"],
  y: ["a", "b", "a"],
});
const fitted = fitPreprocessing(rawTable(cells, specOf()), Uint32Array.of(0, 1, 2), "standard");
const encode = rowEncoder(fitted);
const slowly = (records: readonly unknown[]) =>
  encodeRows(fitted, inputsFromRecords(fitted, records));

const plain = fc.record(
  {
    age: fc.option(fc.double({ noNaN: true, min: -1e30, max: 1e30 })),
    town: fc.option(fc.constantFrom("Rome", "Bari", "Oslo", " Rome ", "", "constructor")),
    smoker: fc.option(fc.boolean()),
    y: fc.constantFrom("a", "b", 7),
  },
  { requiredKeys: ["age", "town", "smoker"] },
);

test("plain records have the bits of the table's way", () => {
  fc.assert(
    fc.property(fc.array(plain, { maxLength: 5 }), (records) => {
      expect(encode(records)).toEqual(slowly(records));
    }),
  );
});

test("whatever it encodes, the table's way encodes to the same bits", () => {
  const value = fc.oneof(fc.jsonValue(), fc.double(), fc.constant(undefined));
  const names = fc.constantFrom("age", "town", "smoker", "y", "z", "__proto__");
  const record = fc.oneof(
    { weight: 3, arbitrary: fc.tuple(plain, fc.dictionary(names, value, { maxKeys: 2 })) },
    { weight: 1, arbitrary: fc.tuple(fc.constant({}), fc.dictionary(names, value)) },
  );
  const any = fc.oneof(
    record.map(([good, odd]) => ({ ...good, ...odd })),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(fc.array(any, { minLength: 1, maxLength: 3 }), (records) => {
      const x = encode(records);
      expect(x).toEqual(x === null ? null : slowly(records));
    }),
    { numRuns: 1000 },
  );
});

const good = { age: 1, town: "Rome", smoker: true };
test.each<[string, unknown]>([
  ["a list", [1, "Rome", true]],
  ["an input left out, a target in its place", { age: 1, town: "Rome", y: "a" }],
  ["an unknown name", { ...good, z: 1 }],
  ["a number as text", { ...good, age: "1" }],
  ["infinity", { ...good, age: Infinity }],
  ["a number beyond float32 once scaled", { ...good, age: 1e300 }],
  ["a truth as number", { ...good, smoker: 1 }],
])("%s is left to who explains", (_, record) => {
  expect(encode([good, record])).toBeNull();
});
