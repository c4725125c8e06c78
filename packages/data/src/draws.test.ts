import { match, tagOf, type EarlyStopping, type SampleSpec } from "@manyfold/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawRows, drawUnlabelled, memberKey } from "./draws.ts";
import { leavesRowsOut } from "./schemes.ts";

const rowsOf = (count: number) => Uint32Array.from({ length: count }, (_, i) => 2 * i + 1);
const bootstrap: SampleSpec = { bootstrap: { fraction: 1 } };
const place = { seed: 7, fold: 0, repeat: 0, member: 0 };

const samples = fc.oneof<fc.Arbitrary<SampleSpec>[]>(
  fc.constant({ all: {} }),
  fc.double({ min: 0.05, max: 3, noNaN: true }).map((fraction) => ({ bootstrap: { fraction } })),
  fc.double({ min: 0.05, max: 0.95, noNaN: true }).map((fraction) => ({ subsample: { fraction } })),
  fc.double({ min: 0.05, max: 3, noNaN: true }).map((fraction) => ({ stratified: { fraction } })),
  fc.constant({ bayesian: {} }),
  fc.integer({ min: 2, max: 12 }).map((k) => ({ folds: { k } })),
  fc.double({ min: 0.05, max: 3, noNaN: true }).map((fraction) => ({ grouped: { fraction } })),
  fc.double({ min: 0.05, max: 0.95, noNaN: true }).map((least) => ({ ordered: { least } })),
);
/** Three classes and as many groups as a fifth of the rows, at rows of any number. */
const by = {
  classes: Array.from({ length: 500 }, (_, row) => (row * 7 + (row >> 3)) % 3),
  groups: Array.from({ length: 500 }, (_, row) => (row * row) % 10),
};
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
      fc.integer({ min: 12, max: 150 }),
      fc.integer({ min: 1, max: 20 }),
      fc.double({ min: 0.05, max: 1, noNaN: true }),
      fc.record({ seed: fc.nat(), fold: fc.nat(9), repeat: fc.nat(9), member: fc.nat(99) }),
      (sample, earlyStopping, count, inputs, share, member) => {
        const train = rowsOf(count);
        const of = { draw: { sample, features: share }, earlyStopping, ...member };
        const draw = drawRows(of, train, inputs, by);
        expect(drawRows({ ...of }, train.slice(), inputs, by)).toEqual(draw);

        const held = draw.held ?? new Uint32Array(0);
        const used = new Set(draw.rows);
        for (const part of [draw.rows, held, draw.oob]) expect(part).toEqual(part.toSorted());
        const parts = [...used, ...held, ...draw.oob].toSorted((a, b) => a - b);
        expect(parts).toEqual([...train]);

        expect(draw.held === undefined).toBe(earlyStopping === undefined);
        const pool = count - held.length;
        const shared = ({ fraction }: { fraction: number }) =>
          Math.max(1, Math.round(fraction * pool));
        const size = match<SampleSpec, number | null>(sample, {
          all: () => pool,
          bootstrap: shared,
          subsample: shared,
          stratified: () => null,
          bayesian: () => pool,
          folds: () => null,
          grouped: () => null,
          ordered: () => null,
        });
        expect(size ?? draw.rows.length).toBe(draw.rows.length);
        const again = ["bootstrap", "stratified", "grouped"].includes(tagOf(sample));
        expect(again || used.size === draw.rows.length).toBe(true);
        expect(draw.weights === undefined).toBe(!("bayesian" in sample));

        const features = draw.features ?? Uint32Array.from({ length: inputs }, (_, i) => i);
        expect(features).toEqual(features.toSorted());
        expect(new Set(features).size).toBe(Math.max(1, Math.round(share * inputs)));
        expect(Math.max(...features)).toBeLessThan(inputs);
      },
    ),
  );
});

test("draws within a share of the rows: one part for all members, larger shares hold smaller ones", () => {
  const all = rowsOf(101);
  const within = (share: number, subset: number, member: number, sample: SampleSpec) =>
    drawRows(
      { ...place, member, draw: { sample, features: 1, within: { share, subset } } },
      all,
      4,
    );
  const part = (share: number, subset = 0, member = 0) => [
    ...within(share, subset, member, { all: {} }).rows,
  ];
  expect(part(0.25)).toHaveLength(25);
  expect(part(0.25)).toEqual(part(0.25, 0, 5));
  expect(part(0.25)).not.toEqual(part(0.25, 1));
  expect(part(0.5)).toEqual(expect.arrayContaining(part(0.25)));
  const { rows, oob } = within(0.25, 0, 3, bootstrap);
  expect(rows).toHaveLength(25);
  expect(new Set([...rows, ...oob])).toEqual(new Set(part(0.25)));
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

  test.each<SampleSpec>([{ all: {} }, { subsample: { fraction: 1 } }, { bayesian: {} }])(
    "not with %j",
    (sample) => {
      const of = { ...place, earlyStopping, draw: { sample, features: 1 } };
      expect(() => drawRows(of, rowsOf(50), 3)).toThrow(
        "train.earlyStopping.on must be holdout where members train on every row, got oob.",
      );
    },
  );
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

describe("a stratified draw", () => {
  const of = (member: number, fraction = 1) => ({
    ...place,
    member,
    draw: { sample: { stratified: { fraction } }, features: 1 },
  });
  const train = Uint32Array.from({ length: 90 }, (_, row) => row);
  const classes = Array.from(train, (row) => (row < 6 ? 0 : row < 40 ? 1 : 2));

  test("has as many rows of each class as the class has, from that class alone", () => {
    for (const fraction of [1, 0.5]) {
      const { rows } = drawRows(of(0, fraction), train, 3, { classes });
      const counts = [0, 1, 2].map((code) => rows.filter((row) => classes[row] === code).length);
      expect(counts).toEqual([6, 34, 50].map((size) => size * fraction));
    }
  });

  test("leaves 1/e of each class's rows out", () => {
    const left = [0, 0, 0];
    for (let member = 0; member < 300; member++) {
      for (const row of drawRows(of(member), train, 3, { classes }).oob) left[classes[row]!]! += 1;
    }
    for (const [code, size] of [6, 34, 50].entries()) {
      const expected = (1 - 1 / size) ** size;
      expect(Math.abs(left[code]! / 300 / size - expected)).toBeLessThan(0.03);
    }
  });
});

describe("a Bayesian draw", () => {
  const of = (member: number, earlyStopping?: EarlyStopping) => ({
    ...place,
    member,
    earlyStopping,
    draw: { sample: { bayesian: {} }, features: 1 } as const,
  });
  const train = rowsOf(400);

  test("weighs every row by Dirichlet(1, ..., 1), of mean 1", () => {
    let [sum, squares, few] = [0, 0, 0];
    for (let member = 0; member < 50; member++) {
      const { rows, oob, weights = new Float32Array(0) } = drawRows(of(member), train, 3);
      expect(rows).toEqual(train);
      expect(oob).toHaveLength(0);
      const own = Array.from(train, (row) => weights[row]!);
      const mean = own.reduce((total, weight) => total + weight, 0) / 400;
      expect(mean).toBeCloseTo(1, 5);
      for (const weight of own) {
        expect(weight).toBeGreaterThan(0);
        sum += weight;
        squares += weight * weight;
        if (weight < 0.1) few += 1;
      }
    }
    // n times a component of a flat Dirichlet: mean 1, variance (n - 1)/(n + 1), nearly exponential.
    const variance = squares / 20_000 - (sum / 20_000) ** 2;
    expect(Math.abs(variance - 399 / 401)).toBeLessThan(0.05);
    expect(Math.abs(few / 20_000 - (1 - Math.exp(-0.1)))).toBeLessThan(0.01);
  });

  test("with a holdout has mean 1 over the rows trained on; other rows count 1", () => {
    const stopping = { on: "holdout", fraction: 0.25, patience: 1, minDelta: 0 } as const;
    const { rows, held, weights = new Float32Array(0) } = drawRows(of(3, stopping), train, 3);
    expect(rows.length + (held?.length ?? 0)).toBe(400);
    const mean = rows.reduce((sum, row) => sum + weights[row]!, 0) / rows.length;
    expect(mean).toBeCloseTo(1, 5);
    expect(weights[0]).toBe(1);
    expect(weights[train[0]!]).not.toBe(1);
  });
});

describe("folds", () => {
  const train = rowsOf(47);
  const classes = Array.from({ length: 100 }, (_, row) => (row % 3 === 0 ? 1 : 0));
  const of = (member: number, earlyStopping?: EarlyStopping) => ({
    ...place,
    member,
    earlyStopping,
    draw: { sample: { folds: { k: 5 } }, features: 1 },
  });

  test("each round of k members leaves each row out once, a class evenly, the next anew", () => {
    const rounds = [0, 1].map((round) =>
      [0, 1, 2, 3, 4].map((fold) => drawRows(of(5 * round + fold), train, 3, { classes }).oob),
    );
    for (const folds of rounds) {
      const all = folds.flatMap((fold) => [...fold]).toSorted((a, b) => a - b);
      expect(all).toEqual([...train]);
      const sizes = folds.map((fold) => fold.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      const ones = folds.map((fold) => fold.filter((row) => classes[row] === 1).length);
      expect(Math.max(...ones) - Math.min(...ones)).toBeLessThanOrEqual(1);
    }
    expect(rounds[1]).not.toEqual(rounds[0]);
  });

  test("are the same whatever stops a member; what does is of the rows it may see", () => {
    const stopping = { on: "holdout", fraction: 0.2, patience: 1, minDelta: 0 } as const;
    for (let member = 0; member < 5; member++) {
      const plain = drawRows(of(member), train, 3, { classes });
      const stopped = drawRows(of(member, stopping), train, 3, { classes });
      expect(stopped.oob).toEqual(plain.oob);
      expect([...stopped.rows, ...(stopped.held ?? [])].toSorted((a, b) => a - b)).toEqual([
        ...plain.rows,
      ]);
    }
  });

  test("more than rows leave out one row each", () => {
    const few = rowsOf(3);
    const draw = { sample: { folds: { k: 10 } }, features: 1 };
    expect(drawRows({ ...place, draw }, few, 3).oob).toHaveLength(1);
  });
});

test("a grouped draw tears no group, in what trains, what stops and what is left out", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 20, max: 100 }),
      fc.integer({ min: 2, max: 9 }),
      fc.boolean(),
      fc.nat(30),
      (count, groupCount, stops, member) => {
        const train = rowsOf(count);
        const groups = Array.from({ length: 2 * count }, (_, row) => (row >> 1) % groupCount);
        const stopping = { on: "holdout", fraction: 0.3, patience: 1, minDelta: 0 } as const;
        const draw = drawRows(
          {
            ...place,
            member,
            draw: { sample: { grouped: { fraction: 1 } }, features: 1 },
            ...(stops && { earlyStopping: stopping }),
          },
          train,
          3,
          { groups },
        );
        const of = (rows: Uint32Array = new Uint32Array(0)) =>
          new Set(Array.from(rows, (row) => groups[row]!));
        const parts = [of(draw.rows), of(draw.held), of(draw.oob)];
        const all = parts.flatMap((part) => [...part]);
        expect(new Set(all).size).toBe(all.length);
        // Each drawn group is whole, as often as it was drawn.
        for (const group of parts[0]!) {
          const own = train.filter((row) => groups[row] === group);
          const times = own.map((row) => draw.rows.filter((drawn) => drawn === row).length);
          expect(new Set(times).size).toBe(1);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("an ordered draw keeps the order of time: trained, then stopped by, then out of bag", () => {
  const train = rowsOf(60);
  const moments = new Set<number>();
  for (let member = 0; member < 40; member++) {
    const stopping = { on: "holdout", fraction: 0.2, patience: 1, minDelta: 0 } as const;
    const draw = { sample: { ordered: { least: 0.5 } }, features: 1 };
    const plain = drawRows({ ...place, member, draw }, train, 3);
    const stopped = drawRows({ ...place, member, draw, earlyStopping: stopping }, train, 3);
    for (const { rows, held, oob } of [plain, stopped]) {
      expect([...rows, ...(held ?? []), ...oob]).toEqual([...train]);
      expect(oob.length).toBeGreaterThan(0);
    }
    expect(plain.rows.length).toBeGreaterThanOrEqual(30);
    expect(stopped.oob).toEqual(plain.oob);
    moments.add(plain.rows.length);
  }
  expect(moments.size).toBeGreaterThan(15);
});

test("which schemes leave rows out", () => {
  const leaving: SampleSpec[] = [
    { bootstrap: { fraction: 1 } },
    { subsample: { fraction: 0.5 } },
    { stratified: { fraction: 1 } },
    { folds: { k: 2 } },
    { grouped: { fraction: 1 } },
    { ordered: { least: 0.5 } },
  ];
  for (const sample of leaving) expect(leavesRowsOut(sample)).toBe(true);
  const keeping: SampleSpec[] = [{ all: {} }, { bayesian: {} }, { subsample: { fraction: 1 } }];
  for (const sample of keeping) expect(leavesRowsOut(sample)).toBe(false);
});
