import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createProgress } from "./progress.ts";
import { clipped } from "./terminal.ts";

/** A terminal of a few columns that keeps what is written. */
function terminal(isTTY: boolean) {
  const written: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk.toString());
      done();
    },
  });
  return {
    written,
    stream: Object.assign(stream, { isTTY, columns: 44, rows: 6 }) as NodeJS.WriteStream,
  };
}

function timed() {
  let now = 0;
  return {
    clock: { now: () => now, monotonic: () => now },
    pass: () => {
      now += 20_000;
    },
  };
}

const line = { done: 1, total: 4, failed: 0, stage: "a stage with a long name, tasks" };

// eslint-disable-next-line no-control-regex
const CODES = /\r|\n|\u001b\[(\d+)A|\u001b\[2K|\u001b\[J|[^\r\n\u001b]+/g;

/** What a terminal shows in the end: only the codes that progress writes. */
function screen(text: string): string[] {
  const lines = [""];
  let row = 0;
  for (const [piece, up] of text.matchAll(CODES)) {
    if (piece === "\n") row += 1;
    else if (up !== undefined) row -= Number(up);
    else if (piece.endsWith("[2K")) lines[row] = "";
    else if (piece.endsWith("[J")) lines.splice(row, Infinity, "");
    else if (piece !== "\r") lines[row] = (lines[row] ?? "") + piece;
  }
  return lines;
}

test("a table is redrawn in place, no line wider than the terminal, and goes at the end", () => {
  const { written, stream } = terminal(true);
  const { clock, pass } = timed();
  const progress = createProgress(stream, clock, false);
  const table = (rows: number) => (columns: number) =>
    Array.from({ length: rows }, (_, at) => `row ${at} ${"x".repeat(columns)}`);
  for (const rows of [3, 9, 1, 2]) {
    pass();
    progress.update(line, table(rows));
  }
  const shown = screen(written.join(""));
  expect(shown).toHaveLength(3);
  expect(shown[1]).toMatch(/^row 0 x+$/);
  expect(shown.every((each) => each.length < 44)).toBe(true);
  progress.end();
  expect(screen(written.join(""))).toEqual([""]);
});

test("elsewhere than on a terminal the table is not even asked for", () => {
  const { written, stream } = terminal(false);
  const { clock, pass } = timed();
  const progress = createProgress(stream, clock, false);
  pass();
  progress.update(line, () => {
    throw new Error("asked for");
  });
  expect(written.join("")).toBe("a stage with a long name, tasks 1/4 about 1 min 0 s left\n");
});

test("clipping counts what is seen and keeps the styles' ends", () => {
  const styled = `\u001b[31mred\u001b[39m and plain`;
  expect(clipped(styled, 6)).toBe(`\u001b[31mred\u001b[39m an`);
  expect(clipped(styled, 2)).toBe(`\u001b[31mre\u001b[39m`);
  expect(clipped("short", 80)).toBe("short");
});
