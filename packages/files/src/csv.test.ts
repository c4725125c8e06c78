import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeRows, fitPreprocessing, prepare } from "@manyfold/data";
import { DataSpec, Experiment, hashBytes, ManyfoldError } from "@manyfold/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCsv, readCells, readCsv } from "./csv.ts";
import { temporaryFolder } from "./testing/folder.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const parse = (text: string) => parseCsv(bytesOf(text), "t.csv");

describe("cells", () => {
  test("quotes, line ends, empty lines, white space in the header, and each row's line", () => {
    const cells = parse('\ufeff a,"b,c", d\r\n1,"x\ny",3\r\n\r\n\n4,"say ""hi""",\n7,8,9');
    expect(cells.header).toEqual(["a", "b,c", "d"]);
    expect(cells.rows).toEqual([
      ["1", "x\ny", "3"],
      ["4", 'say "hi"', ""],
      ["7", "8", "9"],
    ]);
    expect(Array.from(cells.lines)).toEqual([2, 6, 7]);
  });

  test("the delimiter is the header's", () => {
    for (const delimiter of [",", ";", "\t"]) {
      const text = [
        ["a", '"x;y,z\t"', "c"],
        ["1,5;5".replaceAll(delimiter, "."), "2", "3"],
      ]
        .map((row) => row.join(delimiter))
        .join("\n");
      expect(parse(text).header).toEqual(["a", "x;y,z", "c"]);
    }
    expect(parse("a\n1\n2").rows).toEqual([["1"], ["2"]]);
  });

  test("the hash is that of the bytes", () => {
    expect(parse("a,b\n1,2\n").hash).toBe(hashBytes(bytesOf("a,b\n1,2\n")));
  });

  test("any texts come back", () => {
    const cell = fc.string({ unit: fc.constantFrom("a", "é", '"', ",", ";", " ", "\n", "5") });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 }), (rows) => {
        const quoted = rows.map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`));
        const cells = parse(["a,b", ...quoted.map((row) => row.join(","))].join("\n"));
        expect(cells.rows).toEqual(rows);
      }),
    );
  });
});

describe("bad input", () => {
  test.each([
    ["nothing", "", "t.csv must be a CSV file with a header row, got an empty file.\n"],
    ["blank lines", "\n \n".replace(" ", ""), "t.csv must be a CSV file with a header row"],
    ["no rows", "a,b\n", "t.csv must be a CSV file with rows below its header, got none.\n"],
    [
      "a short row",
      "a,b\n1,2\n\n3\n",
      "t.csv:4 must be a row of 2 cells, as the header, got 1.\nPut a cell that holds the delimiter in quotes; leave an empty cell for a missing value.",
    ],
    ["a long row", "a,b\n1,2,3\n", "t.csv:2 must be a row of 2 cells, as the header, got 3.\n"],
    [
      "a nameless column",
      "a,,c\n1,2,3\n",
      "t.csv:1 must be a header with a name for each column, got none for column 2.\n",
    ],
    [
      "a name twice",
      "a,b, a\n1,2,3\n",
      't.csv:1 must be a header with a different name for each column, got "a" for column 1 and column 3.\n',
    ],
    [
      "an open quote",
      'a,b\n1,"2\n3,4\n',
      "must be a CSV record, got a quote that is not closed.\n",
    ],
    [
      "a stray quote",
      'a,b\n1,2\n1,2"x"\n',
      "t.csv:3 must be a CSV record, got a quote in the middle of a field.\n",
    ],
    [
      "text after a quote",
      'a,b\n1,"2"x\n',
      "t.csv:2 must be a CSV record, got text after a closing quote.\n",
    ],
  ])("%s", (_, text, message) => {
    expect(() => parse(text)).toThrow(ManyfoldError);
    expect(() => parse(text)).toThrow(message);
  });

  test("other encodings", () => {
    expect(() => parseCsv(Uint8Array.of(0xff, 0xfe, 0x61, 0), "t.csv")).toThrow(
      't.csv must be text in UTF-8, got UTF-16.\nSave it as "CSV UTF-8", with commas.',
    );
    expect(() => parseCsv(Uint8Array.of(0x61, 0xe9, 0x0a), "t.csv")).toThrow("got other bytes");
  });
});

describe("files", () => {
  const folder = temporaryFolder();

  test("that cannot be read", async () => {
    writeFileSync(join(folder, "iris.csv"), "a\n1\n");
    mkdirSync(join(folder, "sub"));
    await expect(readCells(join(folder, "irs.csv"))).rejects.toThrow(
      `${join(folder, "irs.csv")} must be a readable file, got nothing there.\nDid you mean ${join(folder, "iris.csv")}?`,
    );
    await expect(readCells(join(folder, "none/x.csv"))).rejects.toThrow(
      `There is no folder ${join(folder, "none")} either.`,
    );
    await expect(readCells(join(folder, "sub"))).rejects.toThrow("got a folder.");
    await expect(readCells(join(folder, "iris.csv/x"))).rejects.toMatchObject({ code: "input" });
  });

  test.skipIf(process.getuid?.() === 0)("that may not be read", async () => {
    const path = join(folder, "secret.csv");
    writeFileSync(path, "a\n1\n");
    chmodSync(path, 0);
    await expect(readCells(path)).rejects.toThrow("got no permission.");
  });
});

describe("the bundled sets", () => {
  const sets = [
    { name: "digits", target: "digit", task: "classification", rows: 1797, inputs: 64 },
    { name: "breast-cancer", target: "diagnosis", task: "classification", rows: 569, inputs: 30 },
    { name: "wine", target: "cultivar", task: "classification", rows: 178, inputs: 13 },
    { name: "iris", target: "species", task: "classification", rows: 150, inputs: 4 },
    { name: "diabetes", target: "progression", task: "regression", rows: 442, inputs: 10 },
    { name: "xor", target: "y", task: "classification", rows: 4, inputs: 2 },
  ] as const;

  test.each(sets)("$name", async ({ name, target, task, rows, inputs }) => {
    const path = join(import.meta.dirname, `../../../configs/data/${name}.csv`);
    const data = { source: path, target, task };
    const raw = await readCsv(path, DataSpec.parse(data));
    expect(raw.columns.every(({ kind }) => kind === "numeric")).toBe(true);
    const experiment = Experiment.parse({ version: 1, name, data, model: { layers: [] } });
    const { table } = prepare(raw, experiment).data.final;
    expect(table).toMatchObject({ rows, inputs, targets: 1 });
  });

  test("digits: the classes in order, and pixels that never change", async () => {
    const path = join(import.meta.dirname, "../../../configs/data/digits.csv");
    const raw = await readCsv(
      path,
      DataSpec.parse({ source: path, target: "digit", task: "classification" }),
    );
    expect(raw.target).toMatchObject({ classes: "0123456789".split("") });
    const all = Uint32Array.from({ length: raw.rows }, (_, row) => row);
    const fitted = fitPreprocessing(raw, all, "minmax");
    const constant = fitted.inputs.filter((c) => c.kind === "numeric" && c.factor === 0);
    expect(constant.map(({ name }) => name)).toEqual(["p00", "p40", "p47"]);
    const x = encodeRows(fitted, raw);
    expect([Math.min(...x), Math.max(...x)]).toEqual([0, 1]);
  });
});
