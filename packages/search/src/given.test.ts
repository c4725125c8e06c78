import { key } from "@manyfold/core";
import { SearchSpec, type Params } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { countOf, duplicateComplaints } from "./duplicates.ts";
import { fitsSpace, queueComplaints } from "./given.ts";
import { beginSearch, isAdaptive, trialsOf } from "./samplers.ts";

const space = {
  kind: { categorical: ["svm", "net"] },
  gamma: { float: [0.01, 10], scale: "log", when: { kind: "svm" } },
  layers: { int: [1, 3], when: { kind: "net" } },
};
const spec = (more: object) => SearchSpec.parse({ space, trials: 20, lag: 2, ...more });

/** A study of a toy objective, as far as its lag allows. */
function study(search: SearchSpec, trials: number, seed = 7): { params: Params; value: number }[] {
  const learner = beginSearch(search, key(seed));
  const done: { params: Params; value: number }[] = [];
  for (let trial = 0; trial < trials; trial++) {
    const seen = Math.max(0, trial - search.lag);
    const last = done[seen - 1];
    if (isAdaptive(search) && last) learner.tell({ trial: seen - 1, ...last });
    const params = learner.ask(
      trial,
      done.slice(seen).map((one) => one.params),
    );
    done.push({ params, value: Number(params["layers"] ?? params["gamma"] ?? 0) });
  }
  return done;
}

describe("enqueued settings", () => {
  const enqueue = [{ kind: "net", layers: 2 }, { kind: "svm" }];

  test.each(["random", "tpe", "sobol"])("are the first trials of %s", (sampler) => {
    const [first, second] = study(spec({ sampler, enqueue }), 20);
    expect(first?.params).toEqual({ kind: "net", layers: 2 });
    // What is left out is drawn.
    expect(second?.params["kind"]).toBe("svm");
    expect(second?.params["gamma"]).toBeGreaterThanOrEqual(0.01);
  });

  test("of a sampler that learns nothing move its own trials behind them", () => {
    const own = study(spec({ sampler: "sobol" }), 4);
    expect(study(spec({ sampler: "sobol", enqueue }), 6).slice(2)).toEqual(own);
  });

  test("come before all points of a grid", () => {
    const grid = SearchSpec.parse({
      sampler: "grid",
      space: { x: { int: [1, 3] } },
      enqueue: [{ x: 3 }],
    });
    expect(trialsOf(grid)).toBe(4);
    expect(study(grid, 4).map(({ params }) => params["x"])).toEqual([3, 1, 2, 3]);
  });

  test.each<[Params[], (string | number)[], RegExp]>([
    [[{ kin: "net" }], ["search", "enqueue", 0, "kin"], /a parameter of search.space/],
    [[{ kind: "forest" }], ["search", "enqueue", 0, "kind"], /a value of/],
    [[{}, { kind: "svm", layers: 2 }], ["search", "enqueue", 1, "layers"], /left out beside/],
    [Array.from({ length: 21 }, () => ({})), ["search", "enqueue"], /at most 20 settings/],
  ])("%j are refused", (wrong, path, condition) => {
    const [complaint] = queueComplaints(spec({ enqueue: wrong }));
    expect(complaint?.path).toEqual(path);
    expect(complaint?.condition).toMatch(condition);
  });

  test("that break a constraint are refused", () => {
    const search = spec({ constraints: ["layers <= 2"], enqueue: [{ kind: "net", layers: 3 }] });
    expect(queueComplaints(search)[0]?.condition).toMatch(/keeps search.constraints/);
  });
});

describe("an earlier run", () => {
  const trials = study(spec({ sampler: "tpe" }), 15, 3);
  const warmStart = { run: "before", hash: "00", trials };

  test("is gone on from, as if its trials were the first", () => {
    const warm = study(spec({ sampler: "tpe", warmStart }), 10);
    expect(warm).not.toEqual(study(spec({ sampler: "tpe" }), 10));
    expect(study(spec({ sampler: "tpe", warmStart }), 10)).toEqual(warm);
    // Nothing is drawn at random any more; the best kind of the earlier run is mostly tried.
    const best = warm.filter(({ params }) => params["kind"] === "svm");
    expect(best.length).toBeGreaterThan(5);
  });

  test("means nothing to samplers that do not learn", () => {
    expect(study(spec({ warmStart }), 5)).toEqual(study(spec({}), 5));
  });

  test("fits as far as its settings are whole ones of the space", () => {
    const fits = (params: Params) => fitsSpace(spec({ constraints: ["layers <= 2"] }), params);
    expect(fits({ kind: "net", layers: 2 })).toBe(true);
    expect(fits({ kind: "net" })).toBe(false);
    expect(fits({ kind: "net", layers: 3 })).toBe(false);
    expect(fits({ kind: "net", layers: 2, width: 3 })).toBe(false);
    expect(fits({ kind: "svm", gamma: 11 })).toBe(false);
  });
});

describe("duplicates", () => {
  const small = {
    kind: { categorical: ["svm", "net"] },
    kernel: { categorical: ["linear", "rbf", "poly"], when: { kind: "svm" } },
    layers: { int: [1, 4], scale: "log", when: { kind: "net" } },
    bias: { boolean: true },
  };
  const all = { space: small, trials: 14, lag: 3, duplicates: "reject" };

  test.each(["random", "tpe", "sobol", "halton"])("are drawn again by %s", (sampler) => {
    const found = study(SearchSpec.parse({ ...all, sampler }), 14);
    expect(new Set(found.map(({ params }) => JSON.stringify(params))).size).toBe(14);
    // The parts of a study are the whole, as without the policy.
    expect(study(SearchSpec.parse({ ...all, sampler }), 9)).toEqual(found.slice(0, 9));
    expect(study(SearchSpec.parse({ ...all, sampler }), 16)).toHaveLength(16);
  });

  test("settings are counted", () => {
    expect(countOf(SearchSpec.parse(all).space)).toBe(2 * (3 + 4));
    expect(countOf(spec({}).space)).toBe(Infinity);
    expect(duplicateComplaints(SearchSpec.parse({ ...all, trials: 15 }))[0]?.condition).toMatch(
      /at most 14/,
    );
    expect(duplicateComplaints(SearchSpec.parse({ ...all, trials: 14 }))).toEqual([]);
  });
});
