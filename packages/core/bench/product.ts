import { type Binary, compileModule } from "../src/kernels/wasm/engine.ts";
import { type Block, BLOCKS, TALL } from "../src/kernels/wasm/matmul.ts";
import { medianTiming, timeCalls } from "./clock.ts";

const SIZE = 512;
const OPERATIONS = 2 * SIZE ** 3;
const ROUNDS = 7;

/** A product of two matrices of 512 by 512, packing included, beside the peak of the same run. */
export interface ProductFigures {
  readonly binary: Binary;
  readonly block: Block;
  readonly gigaflops: number;
  readonly peak: number;
  readonly share: number;
}

export function measureProduct(binary: Binary, block: Block): ProductFigures {
  const { values, exports } = compileModule(binary)(3 * SIZE * SIZE);
  values.fill(0.5);
  const a = values.byteOffset;
  const b = a + 4 * SIZE * SIZE;
  const c = b + 4 * SIZE * SIZE;
  const row = 4 * SIZE;
  const number = BLOCKS[block];
  const product = (): void =>
    exports.matmul(
      SIZE,
      SIZE,
      SIZE,
      a,
      row,
      4,
      b,
      row,
      4,
      c,
      number,
      Number(TALL.includes(block)),
      1,
    );
  const ways = [
    { call: product, operations: OPERATIONS, rates: [] as number[] },
    { call: () => exports.peak12(a, 20_000), operations: 20_000 * 12 * 8, rates: [] as number[] },
    { call: () => exports.peak24(a, 10_000), operations: 10_000 * 24 * 8, rates: [] as number[] },
  ];
  for (const { call } of ways) timeCalls(call, 100, 1);
  const timings = ways.map(() => [] as ReturnType<typeof timeCalls>[]);
  for (let round = 0; round < ROUNDS; round++) {
    ways.forEach(({ call }, i) => timings[i]?.push(timeCalls(call, 20, 1)));
  }
  const [gigaflops = NaN, ...peaks] = ways.map(
    ({ operations }, i) => operations / medianTiming(timings[i] ?? []).cpu / 1000,
  );
  const peak = Math.max(...peaks);
  return { binary, block, gigaflops, peak, share: gigaflops / peak };
}
