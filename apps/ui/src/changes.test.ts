import fc from "fast-check";
import { expect, test } from "vitest";
import { createChanges } from "./changes.ts";

test("whoever reads on from anywhere ends with every row as it is", () => {
  const steps = fc.array(fc.record({ name: fc.nat(30), most: fc.integer({ min: 1, max: 9 }) }), {
    maxLength: 4000,
    minLength: 50,
  });
  fc.assert(
    fc.property(steps, (plan) => {
      const changes = createChanges<{ name: number; at: number }>();
      const truth = new Map<number, number>();
      const seen = new Map<number, number>();
      let place = 0;
      const read = (most: number) => {
        const { rows, next } = changes.since(place, most);
        expect(rows.length).toBeLessThanOrEqual(most);
        for (const { name, at } of rows) seen.set(name, at);
        place = next;
      };
      plan.forEach(({ name, most }, at) => {
        changes.set(String(name), { name, at });
        truth.set(name, at);
        if (at % 7 === 0) read(most);
      });
      while (place < changes.length) read(5);
      expect(seen).toEqual(truth);
    }),
    { numRuns: 30 },
  );
});

test("one look at all holds each row once, however often it changed", () => {
  const changes = createChanges<number>();
  for (let i = 0; i < 5000; i++) changes.set(String(i % 3), i);
  expect(changes.since(0, 10)).toEqual({ rows: [4997, 4998, 4999], next: changes.length });
  expect(changes.length).toBe(5000);
});
