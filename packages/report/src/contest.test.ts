import type { Contest, ContestantName, ContestRow } from "@manyfold/protocol";
import { contestOf } from "@manyfold/ensemble";
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { renderContest } from "./contest.ts";

const hash = "a".repeat(64);
const names: readonly (readonly [ContestantName, string])[] = [
  ["net", "one net"],
  ["masks", "its thinned nets, averaged"],
  ["bag", "bag <of nets>"],
];

function contest(seeds: readonly number[]): Contest {
  const rows = names.flatMap(([contestant], at) =>
    seeds.map((seed): ContestRow => ({
      contestant,
      seed,
      id: hash,
      k: at === 0 ? 1 : 8,
      networks: at === 2 ? 8 : 1,
      v: 0.06 + 0.01 * at + 0.002 * seed,
      c: at === 0 ? null : 0.04,
      error: 0.05 - 0.004 * at + 0.001 * seed,
      score: 0.97,
      nll: 0.11,
      calibration: 0.02,
      seconds: 1 + 7 * at,
      ledger: hash,
    })),
  );
  const about = { name: "digits", task: "classification", unit: "Brier score" } as const;
  return contestOf({ ...about, variant: "js", seeds: [...seeds], labels: names }, rows);
}

test.each([[[1]], [[1, 2, 3]]])("a page of seeds %j: everything there, nothing loaded", (seeds) => {
  const document = contest(seeds);
  const page = renderContest(document);
  const { document: dom } = parseHTML(page);
  expect(dom.querySelectorAll("script, img, link")).toHaveLength(0);
  expect(dom.querySelectorAll("svg")).toHaveLength(4);
  expect(page).toContain("bag &lt;of nets&gt;");
  for (const sentence of document.sentences.slice(1)) {
    expect(dom.body.textContent).toContain(sentence);
  }
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
  expect(renderContest(document)).toBe(page);
});
