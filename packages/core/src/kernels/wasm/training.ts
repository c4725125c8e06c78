import { updates32 } from "../../optimizers/float32.ts";
import type { UpdateTable } from "../../optimizers/rules.ts";
import { REGULARIZERS, type RegularizerRule, type RegularizerTable } from "../../regularizers.ts";
import type { Key } from "../../rng.ts";
import type { ExportsOf } from "./addresses.ts";
import type { WasmKernels } from "./set.ts";

/** The optimizers' updates over buffers of one wasm memory, equal to `optimizers/float32` in bits. */
export function wasmUpdates(exportsOf: ExportsOf): UpdateTable<Float32Array> {
  const { adagradUnderRoot, rmspropOutside } = updates32;
  return {
    // Loops over the memory from outside: rare, and of equal bits by being the same.
    adagradUnderRoot,
    rmspropOutside,
    sgd(w, g, _slots, c) {
      exportsOf(w).sgd(w.byteOffset, g.byteOffset, w.length, c[0]!);
    },
    momentum(w, g, slots, c) {
      const { byteOffset: velocity } = slots[0]!;
      exportsOf(w).momentum(w.byteOffset, g.byteOffset, velocity, w.length, c[0]!, c[1]!);
    },
    nesterov(w, g, slots, c) {
      const { byteOffset: velocity } = slots[0]!;
      exportsOf(w).nesterov(w.byteOffset, g.byteOffset, velocity, w.length, c[0]!, c[1]!);
    },
    adagrad(w, g, slots, c) {
      const { byteOffset: squares } = slots[0]!;
      exportsOf(w).adagrad(w.byteOffset, g.byteOffset, squares, w.length, c[0]!, c[1]!);
    },
    rmsprop(w, g, slots, c) {
      const { byteOffset: squares } = slots[0]!;
      const { rmsprop } = exportsOf(w);
      rmsprop(w.byteOffset, g.byteOffset, squares, w.length, c[0]!, c[1]!, c[2]!, c[3]!);
    },
    adam(w, g, slots, c) {
      exportsOf(w).adam(
        w.byteOffset,
        g.byteOffset,
        slots[0]!.byteOffset,
        slots[1]!.byteOffset,
        w.length,
        c[0]!,
        c[1]!,
        c[2]!,
        c[3]!,
        c[4]!,
        c[5]!,
        c[6]!,
      );
    },
    adamw(w, g, slots, c) {
      exportsOf(w).adamw(
        w.byteOffset,
        g.byteOffset,
        slots[0]!.byteOffset,
        slots[1]!.byteOffset,
        w.length,
        c[0]!,
        c[1]!,
        c[2]!,
        c[3]!,
        c[4]!,
        c[5]!,
        c[6]!,
        c[7]!,
      );
    },
  };
}

/** The regularizers over buffers of one wasm memory, equal to `regularizers` in bits. */
export function wasmRegularizers(exportsOf: ExportsOf): RegularizerTable {
  const l1 = (strength: number): RegularizerRule => ({
    gradient(weights, gradient, { offset, inputs, units }) {
      const w = weights.byteOffset + 4 * offset;
      const g = gradient.byteOffset + 4 * offset;
      exportsOf(weights).l1(w, g, inputs * units, strength);
    },
  });
  const l2 = (strength: number): RegularizerRule => ({
    gradient(weights, gradient, { offset, inputs, units }) {
      const w = weights.byteOffset + 4 * offset;
      const g = gradient.byteOffset + 4 * offset;
      exportsOf(weights).l2(w, g, inputs * units, strength);
    },
  });
  return {
    l1,
    l2,
    elastic: ({ alpha, ratio }) => {
      const parts = [l1(alpha * ratio), l2(alpha * (1 - ratio))];
      return {
        gradient(weights, gradient, range) {
          for (const part of parts) part.gradient?.(weights, gradient, range);
        },
      };
    },
    // Loops over the weights' own memory: their bits are those of `regularizers` by being them.
    proximalL1: REGULARIZERS.proximalL1,
    tie: REGULARIZERS.tie,
    maxNorm: (largest) => ({
      project(weights, { offset, inputs, units }) {
        exportsOf(weights).maxNorm(weights.byteOffset + 4 * offset, inputs, units, largest);
      },
    }),
  };
}

/** The permutation of a key, equal to that of `rng`: drawn in shared memory, then copied out. */
export function wasmPermutation({ set, exportsOf }: WasmKernels) {
  return (from: Key, length: number): Uint32Array => {
    const room = set.share(length);
    exportsOf(room).permute(room.byteOffset, length, from[0], from[1]);
    return new Uint32Array(room.buffer, room.byteOffset, length).slice();
  };
}
