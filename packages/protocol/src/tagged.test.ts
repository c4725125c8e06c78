import { expect, test } from "vitest";
import { match, Optimizer, SampleSpec, tagOf, type Combiner } from "./index.ts";

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
  const combiner = { weighted: { weights: [1, 3] } } as Combiner;
  expect(tagOf(combiner)).toBe("weighted");
  const shown: string = match(combiner, {
    mean: () => "mean",
    median: () => "median",
    vote: () => "vote",
    weighted: ({ weights }) => `weighted ${weights?.join(" ")}`,
  });
  expect(shown).toBe("weighted 1 3");
});
