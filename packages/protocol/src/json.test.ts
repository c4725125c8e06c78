import fc from "fast-check";
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { canonicalJson, hashBytes, hashJson } from "./index.ts";

// The example of RFC 8785, section 3.2.2, in the parts that concern order and numbers.
test("sorts keys by code unit and prints numbers as ECMAScript does", () => {
  const value = { peach: [56, { d: true, "10": null, "1": [] }], ö: 1e30, "€": 4.5, "1": 2e-3 };
  expect(canonicalJson(value)).toBe(
    '{"1":0.002,"peach":[56,{"1":[],"10":null,"d":true}],"ö":1e+30,"€":4.5}',
  );
});

test("reads back as the same value, whatever the order of keys", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(JSON.parse(text))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
  expect(hashJson({ a: 1, b: 2 })).toBe(hashJson({ b: 2, a: 1 }));
});

test("leaves undefined members out and refuses what JSON cannot hold", () => {
  expect(canonicalJson({ a: undefined, b: [undefined] })).toBe('{"b":[null]}');
  for (const value of [Number.NaN, Infinity, 1n, () => 1, Symbol("x")]) {
    expect(() => canonicalJson({ value })).toThrow(TypeError);
  }
});

test("hashes are sha256", () => {
  expect(hashBytes(new Uint8Array())).toBe(
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(hashBytes(bytes)).toBe(createHash("sha256").update(bytes).digest("hex"));
    }),
  );
});
