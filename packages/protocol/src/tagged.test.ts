import { expect, test } from "vitest";
import { match, Optimizer, SampleSpec, type Tagged, tagOf } from "./index.ts";

test("a bare name is that option with its defaults", () => {
  expect(Optimizer.parse("adam")).toEqual(Optimizer.parse({ adam: {} }));
  expect(SampleSpec.parse("subsample")).toEqual({ subsample: { fraction: 0.632 } });
});

test("parsing twice changes nothing", () => {
  const once = Optimizer.parse({ momentum: { lr: 0.5 } });
  expect(Optimizer.parse(once)).toEqual(once);
});

test("none, two or unknown options are refused", () => {
  for (const wrong of [{}, { adam: {}, sgd: {} }, { adma: {} }, "adma", 3, null, ["adam"]]) {
    expect(Optimizer.safeParse(wrong).success).toBe(false);
  }
});

test("match calls the row of the option that is held", () => {
  const score = { threshold: { above: 0.5 } } as Tagged<{
    all: Record<string, never>;
    threshold: { above: number };
  }>;
  expect(tagOf(score)).toBe("threshold");
  const shown: string = match(score, {
    all: () => "all",
    threshold: ({ above }) => `above ${above}`,
  });
  expect(shown).toBe("above 0.5");
});
