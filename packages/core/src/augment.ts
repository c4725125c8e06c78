import { type Augment, type ImageAugment, ManyfoldError } from "@manyfold/protocol";
import { cosPi, exp, log } from "./math/float64.ts";
import type { Network } from "./network.ts";
import type { Perturbation } from "./noise.ts";
import { fold, type Key, normals, permutation, uniforms } from "./rng.ts";

/** Corners per side of the coarse field that an elastic move interpolates. */
const CORNERS = 4;

/**
 * Moves each row as an image (Goodfellow, Bengio, Courville 2016, section 7.4): row i of step t is
 * flipped, turned about its middle, shifted and bent by numbers of `fold(key, "augment", t)`, and
 * read between the pixels bilinearly; what lies outside is the nearest edge.
 */
export function imageMoves({ inputs }: Network, image: ImageAugment, key: Key): Perturbation {
  const { height, width, shift, rotate, elastic, flip } = image;
  const [middleY, middleX] = [(height - 1) / 2, (width - 1) / 2];
  const source = new Float32Array(inputs);
  const side = CORNERS * CORNERS;
  const bend = elastic > 0 ? smooth(height, width) : null;
  return (x, _, rows, step) => {
    const from = fold(key, "augment", step);
    const drawn = uniforms(from, 4 * rows);
    const field = elastic > 0 ? normals(fold(from, "elastic"), 2 * side * rows) : null;
    for (let row = 0; row < rows; row++) {
      const [u0, u1, u2, u3] = [0, 1, 2, 3].map((i) => drawn[4 * row + i]!);
      const [down, right] = [shift * (2 * u0! - 1), shift * (2 * u1! - 1)];
      const turn = (rotate / 180) * (2 * u2! - 1);
      const [cosine, sine] = [cosPi(Math.abs(turn)), sinPi(turn)];
      const mirror = flip && u3! < 0.5 ? -1 : 1;
      const at = row * inputs;
      source.set(x.subarray(at, at + inputs));
      for (let i = 0; i < height; i++) {
        for (let j = 0; j < width; j++) {
          let [toY, toX] = [i - middleY - down, j - middleX - right];
          if (field !== null && bend !== null) {
            const corner = 2 * side * row;
            toY += elastic * bend(field, corner, i * width + j);
            toX += elastic * bend(field, corner + side, i * width + j);
          }
          const fromY = cosine * toY - sine * toX + middleY;
          const fromX = mirror * (sine * toY + cosine * toX) + middleX;
          x[at + i * width + j] = Math.fround(between(source, height, width, fromY, fromX));
        }
      }
    }
  };
}

function sinPi(t: number): number {
  const size = Math.abs(t);
  return (t < 0 ? -1 : 1) * cosPi(Math.abs(0.5 - size));
}

/** A pixel between four, coordinates kept within the image. */
function between(
  image: ArrayLike<number>,
  height: number,
  width: number,
  atY: number,
  atX: number,
): number {
  const y = Math.min(height - 1, Math.max(0, atY));
  const x = Math.min(width - 1, Math.max(0, atX));
  const top = Math.floor(y);
  const left = Math.floor(x);
  const right = Math.min(width - 1, left + 1);
  const above = top * width;
  const below = Math.min(height - 1, top + 1) * width;
  const down = y - top;
  const over = x - left;
  const upper = image[above + left]! * (1 - over) + image[above + right]! * over;
  const lower = image[below + left]! * (1 - over) + image[below + right]! * over;
  return upper * (1 - down) + lower * down;
}

/**
 * The coarse field at each pixel, bilinearly: which corners a pixel lies between, and where, is the
 * same for all rows and steps.
 */
function smooth(
  height: number,
  width: number,
): (field: Float64Array, offset: number, pixel: number) => number {
  const last = CORNERS - 1;
  const corners = new Int32Array(4 * height * width);
  const shares = new Float64Array(2 * height * width);
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      const [y, x] = [(i / height) * last, (j / width) * last];
      const [top, left] = [Math.floor(y), Math.floor(x)];
      const [bottom, right] = [Math.min(last, top + 1), Math.min(last, left + 1)];
      const pixel = i * width + j;
      corners.set(
        [top, top, bottom, bottom].map((own) => own * CORNERS),
        4 * pixel,
      );
      for (let c = 0; c < 4; c++) corners[4 * pixel + c]! += c % 2 === 0 ? left : right;
      shares.set([y - top, x - left], 2 * pixel);
    }
  }
  return (field, offset, pixel) => {
    const at = 4 * pixel;
    const down = shares[2 * pixel]!;
    const over = shares[2 * pixel + 1]!;
    const upper =
      field[offset + corners[at]!]! * (1 - over) + field[offset + corners[at + 1]!]! * over;
    const lower =
      field[offset + corners[at + 2]!]! * (1 - over) + field[offset + corners[at + 3]!]! * over;
    return upper * (1 - down) + lower * down;
  };
}

/**
 * Mixup (Zhang et al. 2018): each row of a step becomes lambda of itself and 1 - lambda of another of
 * the same step, target included; one lambda a step, from Beta(alpha, alpha).
 */
export function mixup({ inputs, targets }: Network, alpha: number, key: Key): Perturbation {
  return (x, y, rows, step) => {
    const from = fold(key, "mixup", step);
    const share = beta(from, alpha);
    const partners = permutation(fold(from, "partners"), rows);
    mixRows(x, inputs, partners, share);
    mixRows(y, targets, partners, share);
  };
}

function mixRows(values: Float32Array, width: number, partners: Uint32Array, share: number): void {
  const before = values.slice(0, partners.length * width);
  for (const [row, partner] of partners.entries()) {
    for (let i = 0; i < width; i++) {
      const mixed = share * before[row * width + i]! + (1 - share) * before[partner * width + i]!;
      values[row * width + i] = Math.fround(mixed);
    }
  }
}

/** A number from Beta(alpha, alpha): u^(1/alpha) over the sum of two that is at most 1 (Johnk 1964). */
function beta(from: Key, alpha: number): number {
  for (let attempt = 0; ; attempt++) {
    const [u, v] = uniforms(fold(from, "beta", attempt), 2);
    const [a, b] = [exp(log(u!) / alpha), exp(log(v!) / alpha)];
    if (a + b > 0 && a + b <= 1) return a / (a + b);
  }
}

/** What is done to the rows of each step, in order; empty where nothing is configured. */
export function augmentations(
  augment: Augment | undefined,
  network: Network,
  key: Key,
): Perturbation[] {
  const { image, mixup: alpha } = augment ?? {};
  return [
    ...(image === undefined ? [] : [imageMoves(network, image, key)]),
    ...(alpha === undefined ? [] : [mixup(network, alpha, key)]),
  ];
}

/**
 * Refuses images of another size than the inputs have.
 *
 * @throws ManyfoldError
 */
export function requireImages(inputs: number, augment: Augment | undefined): void {
  const image = augment?.image;
  if (image === undefined || image.height * image.width === inputs) return;
  throw new ManyfoldError({
    code: "config",
    path: "train.augment.image",
    condition: `of a height and width whose product is ${inputs}, the network's inputs`,
    got: `${image.height} x ${image.width}`,
    help: "Every input column is a pixel, row by row; data.columns can leave others out.",
  });
}
