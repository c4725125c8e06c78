import { normalQuantile } from "../../math/normal.ts";
import { foldInto, hashName, philox4x32, uniformOf } from "../../rng.ts";
import type { Bind } from "../kernels.ts";
import { ELEMENTARY } from "./elementary.ts";
import { operand, result } from "./elementwise.ts";

/**
 * Element i is kept where word i of `fold(run key, "dropout", stream)` lies below the keeping
 * probability; i counts within the row where all rows share one mask. Kept elements are multiplied
 * by 1 / (1 - rate), dropped ones are 0 whatever they were.
 */
export const bindDropout: Bind<"dropout"> = (step, arena) =>
  step.attributes.gaussian ? bindGaussian(step, arena) : bindMask(step, arena);

const bindMask: Bind<"dropout"> = (step, arena) => {
  const { rate, stream, shared } = step.attributes;
  const x = operand(step, 0, arena);
  const y = result(step, arena);
  const keep = 1 - rate;
  const threshold = keep * 2 ** 32;
  const by = ELEMENTARY[arena.dtype].round(1 / keep);
  const row = shared ? step.shape.at(-1)! : y.length;
  const [low, high] = hashName("dropout");
  const maskKey = new Uint32Array(4);
  const block = new Uint32Array(4);
  return () => {
    foldInto(maskKey, arena.key[0]!, arena.key[1]!, low, high, stream);
    const k0 = maskKey[0]!;
    const k1 = maskKey[1]!;
    for (let i = 0; i < row; i += 4) {
      philox4x32(block, 0, i >>> 2, 0, 0, 0, k0, k1);
      const end = Math.min(4, row - i);
      for (let word = 0; word < end; word++) {
        const kept = block[word]! < threshold;
        for (let at = i + word; at < y.length; at += row) y[at] = kept ? x[at]! * by : 0;
      }
    }
  };
};

/**
 * Element i is multiplied by 1 + sqrt(rate / (1 - rate)) n, with n number i of
 * `normals(fold(run key, "dropout", stream))`, rounded before it multiplies.
 */
const bindGaussian: Bind<"dropout"> = (step, arena) => {
  const { rate, stream, shared } = step.attributes;
  const x = operand(step, 0, arena);
  const y = result(step, arena);
  const { round } = ELEMENTARY[arena.dtype];
  const deviation = Math.sqrt(rate / (1 - rate));
  const row = shared ? step.shape.at(-1)! : y.length;
  const [low, high] = hashName("dropout");
  const noiseKey = new Uint32Array(4);
  const block = new Uint32Array(4);
  return () => {
    foldInto(noiseKey, arena.key[0]!, arena.key[1]!, low, high, stream);
    for (let i = 0; i < row; i += 2) {
      philox4x32(block, 0, i / 2, 0, 0, 0, noiseKey[0]!, noiseKey[1]!);
      const end = Math.min(2, row - i);
      for (let word = 0; word < end; word++) {
        const drawn = uniformOf(block[2 * word]!, block[2 * word + 1]!) + 2 ** -54;
        const by = round(1 + deviation * normalQuantile(drawn));
        for (let at = i + word; at < y.length; at += row) y[at] = x[at]! * by;
      }
    }
  };
};
