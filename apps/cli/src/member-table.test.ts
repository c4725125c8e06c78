import type { Cells } from "@manyfold/data";
import { hashJson } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { analysisDocument } from "./analysis-document.ts";
import { memberTable } from "./member-table.ts";

function cellsOf(text: string): Cells {
  const [header = [], ...rows] = text
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  return {
    source: "t.csv",
    hash: hashJson(text),
    header,
    rows,
    lines: rows.map((_, row) => row + 2),
  };
}

test("labels are votes: texts by themselves, numbers where it is said", () => {
  const texts = cellsOf("y,svm,tree,net\ncat,cat,dog,cat\ndog,cat,dog,dog\nfox,fox,fox,dog");
  const table = memberTable(texts, "y");
  expect(table).toMatchObject({
    names: ["svm", "tree", "net"],
    labels: true,
    target: { task: "classification", classes: ["cat", "dog", "fox"] },
  });
  const { analysis, metrics, observatory, notes } = analysisDocument(texts, table, "unknown");
  // A vote's Brier score is twice its share of wrong answers.
  expect(analysis.v).toBeCloseTo((2 * 3) / 9, 12);
  expect(metrics).toMatchObject({ accuracy: 1 });
  expect(observatory.zeroOne).toMatchObject({ bias: 0 });
  expect(analysis.sentences.at(-1)).toContain("Nothing is said of whether members trained");
  expect(notes).toHaveLength(1);

  const numbers = cellsOf("row,y,a,b\n7,0,0,1\n9,1,1,1");
  expect(memberTable(numbers, "y").target.task).toBe("regression");
  expect(memberTable(numbers, "y", true).target.task).toBe("classification");
});

test("members keep their numbers, rows theirs", () => {
  const cells = cellsOf("row,y,member_2,member_5\n7,1,2,1\n9,2,2,4");
  const table = memberTable(cells, "y");
  const { analysis, observatory, residuals } = analysisDocument(cells, table, "test");
  expect(analysis.members.map(({ member }) => member)).toEqual([2, 5]);
  expect(observatory.hardest.map(({ row }) => row)).toEqual([9, 7]);
  expect(residuals).toHaveLength(2);
});
