import { expect, test } from "vitest";
import { csvPieces } from "./csv.ts";

test("quotes what has to be quoted", () => {
  expect([...csvPieces(["a", 'b "c"'], [["1,5", "x\ny"]])].join("")).toBe(
    'a,"b ""c"""\n"1,5","x\ny"\n',
  );
});

test("gives a long table in pieces, each far shorter than the longest string", () => {
  const row = Array<string>(100).fill("0.12345678901234567");
  const pieces = [...csvPieces(["row"], Array<string[]>(5000).fill(row))];
  expect(pieces.length).toBeGreaterThan(5);
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(2 ** 21);
  expect(pieces.join("").split("\n")).toHaveLength(5002);
});
