import { ModelSpec } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { imageMoves, mixup, requireImages } from "./augment.ts";
import { buildNetwork, type Network } from "./network.ts";
import { key } from "./rng.ts";

const still = { shift: 0, rotate: 0, elastic: 0, flip: false };

function networkOf(inputs: number): Network {
  return buildNetwork(ModelSpec.parse({ layers: [] }), {
    inputs,
    task: "classification",
    outputs: 2,
  });
}

/** An image moved in one step, from its pixels. */
function moved(image: Partial<typeof still>, pixels: number[], width: number, step = 0): number[] {
  const height = pixels.length / width;
  const x = Float32Array.from(pixels);
  const move = imageMoves(networkOf(pixels.length), { height, width, ...still, ...image }, key(3));
  move(x, new Float32Array(2), 1, step);
  return [...x];
}

const DIGIT = [0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0];

test("nothing asked is nothing done", () => {
  expect(moved({}, DIGIT, 4)).toEqual(DIGIT);
});

test("flips are of left and right, in about half of the steps", () => {
  const mirrored = [0, 0, 0, 0, 0, 2, 1, 0, 0, 4, 3, 0, 0, 0, 0, 0];
  const seen = Array.from({ length: 200 }, (_, step) => moved({ flip: true }, DIGIT, 4, step));
  const flipped = seen.filter((image) => image.join() === mirrored.join()).length;
  expect(seen.every((image) => [DIGIT.join(), mirrored.join()].includes(image.join()))).toBe(true);
  expect(Math.abs(flipped - 100)).toBeLessThan(30);
});

test("shifts keep the mass of what stays inside and move its centre by up to the limit", () => {
  const wide = Array.from({ length: 81 }, (_, i) => (i === 40 ? 1 : 0));
  for (let step = 0; step < 50; step++) {
    const image = moved({ shift: 2 }, wide, 9, step);
    const mass = image.reduce((sum, one) => sum + one, 0);
    const row = image.reduce((sum, one, i) => sum + one * Math.floor(i / 9), 0);
    const column = image.reduce((sum, one, i) => sum + one * (i % 9), 0);
    expect(mass).toBeCloseTo(1, 5);
    expect(Math.abs(row - 4)).toBeLessThanOrEqual(2 + 1e-6);
    expect(Math.abs(column - 4)).toBeLessThanOrEqual(2 + 1e-6);
  }
});

test("turns keep a round image and the middle of any", () => {
  const round = Array.from({ length: 81 }, (_, i) =>
    Math.max(0, 4 - Math.hypot(Math.floor(i / 9) - 4, (i % 9) - 4)),
  );
  for (let step = 0; step < 20; step++) {
    const image = moved({ rotate: 180 }, round, 9, step);
    expect(image[40]).toBeCloseTo(4, 5);
    for (const [i, one] of image.entries()) expect(Math.abs(one - round[i]!)).toBeLessThan(0.45);
  }
});

test("elastic moves bend within the values of the image, the same way for the same key", () => {
  const once = moved({ elastic: 0.5 }, DIGIT, 4, 7);
  expect(once).not.toEqual(DIGIT);
  expect(moved({ elastic: 0.5 }, DIGIT, 4, 7)).toEqual(once);
  expect(moved({ elastic: 0.5 }, DIGIT, 4, 8)).not.toEqual(once);
  expect(Math.min(...once)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...once)).toBeLessThanOrEqual(4);
});

test("mixup keeps sums of rows and of targets; one share for both, spread as Beta(alpha, alpha)", () => {
  const network = networkOf(1);
  const shares = Array.from({ length: 2000 }, (_, step) => {
    const x = Float32Array.of(0, 1);
    const y = Float32Array.of(1, 0, 0, 1);
    mixup(network, 0.5, key(4))(x, y, 2, step);
    expect(x[0]! + x[1]!).toBeCloseTo(1, 6);
    expect(y[1]).toBeCloseTo(x[0]!, 6);
    return x[0]!;
  }).filter((share) => share !== 0 && share !== 1);
  // Half of the steps pair the rows; Beta(1/2, 1/2) has mean 1/2 and variance 1/8.
  expect(shares.length).toBeGreaterThan(850);
  const mean = shares.reduce((sum, one) => sum + one, 0) / shares.length;
  const variance = shares.reduce((sum, one) => sum + (one - mean) ** 2, 0) / shares.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.05);
  expect(Math.abs(variance - 0.125)).toBeLessThan(0.01);
});

test("images of another size are refused", () => {
  const image = { height: 2, width: 3, ...still };
  expect(() => requireImages(7, { image })).toThrow(
    "train.augment.image must be of a height and width whose product is 7, the network's inputs, got 2 x 3.",
  );
});
