import { match, type EarlyStopping, type SampleSpec } from "@manyfold/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawRows, drawUnlabelled, memberKey } from "./draws.ts";

const rowsOf = (count: number) => Uint32Array.from({ length: count }, (_, i) => 2 * i + 1);
const bootstrap: SampleSpec = { bootstrap: { fraction: 1 } };
const place = { seed: 7, fold: 0, repeat: 0, member: 0 };

const samples = fc.oneof<fc.Arbitrary<SampleSpec>[]>(
  fc.constant({ all: {} }),
  fc.double({ min: 0.05, max: 3, noNaN: true }).map((fraction) => ({ bootstrap: { fraction } })),
  fc.double({ min: 0.05, max: 0.95, noNaN: true }).map((fraction) => ({ subsample: { fraction } })),
);
const rules = fc.option(
  fc
    .record({ fraction: fc.double({ min: 0.05, max: 0.9, noNaN: true }) })
    .map(({ fraction }): EarlyStopping => ({ on: "holdout", fraction, patience: 1, minDelta: 0 })),
  { nil: undefined },
);

test("every draw: ascending, from the training rows, and each row in one part only", () => {
  fc.assert(
    fc.property(
      samples,
      rules,
      fc.integer({ min: 2, max: 150 }),
      fc.integer({ min: 1, max: 20 }),
      fc.double({ min: 0.05, max: 1, noNaN: true }),
      fc.record({ seed: fc.nat(), fold: fc.nat(9), repeat: fc.nat(9), member: fc.nat(99) }),
      (sample, earlyStopping, count, inputs, share, member) => {
        const train = rowsOf(count);
        const of = { draw: { sample, features: share }, earlyStopping, ...member };
        const draw = drawRows(of, train, inputs);
        expect(drawRows({ ...of }, train.slice(), inputs)).toEqual(draw);

        const held = draw.held ?? new Uint32Array(0);
        const used = new Set(draw.rows);
        for (const part of [draw.rows, held, draw.oob]) expect(part).toEqual(part.toSorted());
        const parts = [...used, ...held, ...draw.oob].toSorted((a, b) => a - b);
        expect(parts).toEqual([...train]);

        expect(draw.held === undefined).toBe(earlyStopping === undefined);
        const pool = count - held.length;
        const size = match(sample, {
          all: () => pool,
          bootstrap: ({ fraction }) => Math.max(1, Math.round(fraction * pool)),
          subsample: ({ fraction }) => Math.max(1, Math.round(fraction * pool)),
        });
        expect(draw.rows.length).toBe(size);
        expect("bootstrap" in sample || used.size === size).toBe(true);

        const features = draw.features ?? Uint32Array.from({ length: inputs }, (_, i) => i);
        expect(features).toEqual(features.toSorted());
        expect(new Set(features).size).toBe(Math.max(1, Math.round(share * inputs)));
        expect(Math.max(...features)).toBeLessThan(inputs);
      },
    ),
  );
});

test("a bootstrap holds 1 - 1/e of the rows", () => {
  const train = rowsOf(1000);
  let unique = 0;
  for (let member = 0; member < 100; member++) {
    const of = { ...place, member, draw: { sample: bootstrap, features: 1 } };
    unique += new Set(drawRows(of, train, 1).rows).size / 1000;
  }
  // 1 - (1 - 1/n)^n; its standard deviation over a bag of 100 is about 0.001.
  expect(Math.abs(unique / 100 - (1 - (1 - 1 / 1000) ** 1000))).toBeLessThan(0.005);
});

test("members, folds, repeats and seeds draw differently", () => {
  const places = [
    place,
    { ...place, seed: 8 },
    { ...place, fold: 1 },
    { ...place, repeat: 1 },
    { ...place, member: 1 },
  ];
  const train = rowsOf(50);
  const drawn = places.map((own) =>
    String(drawRows({ ...own, draw: { sample: bootstrap, features: 1 } }, train, 3).rows),
  );
  expect(new Set(drawn).size).toBe(places.length);
  expect(new Set(places.map((own) => String(memberKey(own)))).size).toBe(places.length);
});

test("feature shares and holdouts leave the drawn rows as they are", () => {
  const train = rowsOf(50);
  const all = drawRows({ ...place, draw: { sample: bootstrap, features: 1 } }, train, 8);
  const some = drawRows({ ...place, draw: { sample: bootstrap, features: 0.5 } }, train, 8);
  expect(some.rows).toEqual(all.rows);
  expect(some.features).toHaveLength(4);
  expect(all.features).toBeUndefined();
});

describe("early stopping on out-of-bag rows", () => {
  const earlyStopping: EarlyStopping = { on: "oob", fraction: 0.1, patience: 1, minDelta: 0 };

  test("is stopped by the rows that the draw leaves out", () => {
    const of = { ...place, earlyStopping, draw: { sample: bootstrap, features: 1 } };
    const draw = drawRows(of, rowsOf(50), 3);
    expect(draw.held).toEqual(draw.oob);
    expect(draw.oob.length).toBeGreaterThan(5);
  });

  test.each<SampleSpec>([{ all: {} }, { subsample: { fraction: 1 } }])("not with %j", (sample) => {
    const of = { ...place, earlyStopping, draw: { sample, features: 1 } };
    expect(() => drawRows(of, rowsOf(50), 3)).toThrow(
      "train.earlyStopping.on must be holdout where members train on every row, got oob.",
    );
  });
});

test("rows without a target are drawn as a member's rows are, by a key of their own", () => {
  const place = { seed: 1, fold: 0, repeat: 0, member: 2 };
  const rows = Uint32Array.from({ length: 50 }, (_, i) => 100 + i);
  const bag = { ...place, draw: { sample: { bootstrap: { fraction: 1 } }, features: 1 } };
  const drawn = drawUnlabelled(bag, rows);
  expect(drawn).toHaveLength(50);
  expect(new Set(drawn).size).toBeLessThan(50);
  expect(drawUnlabelled(bag, rows)).toEqual(drawn);
  expect(drawUnlabelled({ ...bag, member: 3 }, rows)).not.toEqual(drawn);
  const all = { ...place, draw: { sample: { all: {} }, features: 1 } };
  expect(drawUnlabelled(all, rows)).toEqual(rows);
  expect(drawUnlabelled(bag, new Uint32Array(0))).toHaveLength(0);
});
