import { describe, expect, test } from "vitest";
import { AnyBeat, decode, encode } from "./messages.ts";
import { isDeep } from "./depth.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

describe("what is read from the wire", () => {
  test("nests to a limit, whatever stands in its texts", () => {
    expect(isDeep(bytes(nested(64)))).toBe(false);
    expect(isDeep(bytes(nested(65)))).toBe(true);
    expect(isDeep(bytes(`{"a":${nested(64)}}`))).toBe(true);
    expect(isDeep(bytes(JSON.stringify("[".repeat(1000))))).toBe(false);
    expect(isDeep(bytes(JSON.stringify(`\\"${"{".repeat(1000)}`)))).toBe(false);
    // A list that never ends, and one after another.
    expect(isDeep(bytes("[".repeat(1_000_000)))).toBe(true);
    expect(isDeep(bytes(`${nested(60)}\n`.repeat(100)))).toBe(false);
  });

  test("has names that do nothing to a terminal", () => {
    const beat = { version: 9, worker: "attic-7-x", manyfold: "0.0.1" };
    expect(decode(AnyBeat, encode(beat))).toEqual(beat);
    for (const strange of ["\u001b[2J", "a\nb", "a\u0085b", "\u202eabc", "a\u2028b", "\u0007"]) {
      expect(decode(AnyBeat, encode({ ...beat, worker: strange }))).toBeUndefined();
      expect(decode(AnyBeat, encode({ ...beat, manyfold: strange }))).toBeUndefined();
    }
    expect(decode(AnyBeat, encode({ ...beat, worker: "" }))).toBeUndefined();
    expect(decode(AnyBeat, encode({ ...beat, worker: "küche 7 (links)" }))).toBeDefined();
  });
});
