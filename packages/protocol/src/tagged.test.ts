import { expect, test } from "vitest";
import { match, Optimizer, SampleSpec, tagOf } from "./index.ts";

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
  const sample = { subsample: { fraction: 0.5 } } as SampleSpec;
  expect(tagOf(sample)).toBe("subsample");
  const shown: string = match(sample, {
    all: () => "all",
    bootstrap: () => "bootstrap",
    subsample: ({ fraction }) => `subsample ${fraction}`,
  });
  expect(shown).toBe("subsample 0.5");
});
