import type { ProbePoint } from "@manyfold/protocol";
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { bagReport } from "../testing/index.ts";
import { probeFigures } from "./probes.ts";

const member = bagReport().result.members[0]!;

const point = (epoch: number, rest: Partial<ProbePoint> = {}): ProbePoint => ({
  gradient: 1 / epoch,
  slope: 0.1,
  curvature: epoch === 2 ? 0.2 : 0.05,
  bestRate: 0.5,
  noiseScale: epoch === 1 ? null : 40,
  layers: [
    { name: "layers.0", gradient: 0.1 / epoch, dead: 0.25, active: 0.5 },
    { name: "output", gradient: 1 / epoch },
  ],
  ...rest,
});

const members = (points: readonly ProbePoint[]) => [
  { ...member, curve: points.map((probes, i) => ({ epoch: i + 1, train: 1, probes })) },
];

test("a figure for each measurement there is, in words what it shows", () => {
  const content = probeFigures(members([1, 2, 3].map((epoch) => point(epoch))));
  const { document } = parseHTML(`<html><body>${content?.markup ?? ""}</body></html>`);
  const captions = [...document.querySelectorAll("figcaption")].map((one) => one.textContent);
  // Nothing of this network saturates, so that there is no figure of it.
  expect(captions).toHaveLength(4);
  expect(captions[1]?.replaceAll(/\s+/g, " ")).toContain("in 1 of 3 measurements");
  const lines = [...document.querySelectorAll(".wide svg")].map(
    (svg) => svg.querySelectorAll("[aria-label=line] path").length,
  );
  expect(lines).toEqual([2, 2, 1, 1]);
});

test("without measurements there is nothing to see", () => {
  expect(probeFigures([member])).toBeNull();
});
