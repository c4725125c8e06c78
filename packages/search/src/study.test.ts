import { describe, expect, test } from "vitest";
import { createStudy, type Study, type StudyOptions } from "./study.ts";

const space = {
  x: { float: [-5, 10] as [number, number] },
  y: { int: [0, 15] as [number, number] },
};
const value = ({ x, y }: Record<string, unknown>): number =>
  (Number(x) - 2) ** 2 + (Number(y) - 7) ** 2;

function run(study: Study, trials: number): Study {
  for (let i = 0; i < trials; i++) {
    const trial = study.ask();
    study.tell(trial, value(trial.params));
  }
  return study;
}

describe.each<StudyOptions["sampler"]>(["tpe", "random", "sobol", "cma-es"])("%s", (sampler) => {
  const options: StudyOptions = { space, sampler: sampler ?? "tpe", seed: 3 };

  test("equal seeds give equal studies, and the parts are the whole", () => {
    const whole = run(createStudy(options), 30);
    const part = run(createStudy(options), 13);
    const saved = JSON.parse(JSON.stringify(part.trials));
    expect(run(createStudy(options, saved), 17).trials).toEqual(whole.trials);
    expect(run(createStudy({ ...options, seed: 4 }), 30).trials).not.toEqual(whole.trials);
  });

  test("within the lag the order of results counts for nothing", () => {
    const study = (turn: boolean) => {
      const one = createStudy({ ...options, lag: 3 });
      for (let round = 0; round < 8; round++) {
        const open = [one.ask(), one.ask(), one.ask(), one.ask()];
        for (const trial of turn ? open.toReversed() : open) one.tell(trial, value(trial.params));
      }
      return one.trials;
    };
    expect(study(true)).toEqual(study(false));
  });
});

test("the best is the first of the best, in either direction", () => {
  const study = run(createStudy({ space, sampler: "tpe" }), 40);
  const values = study.trials.map((trial) => trial.value ?? Infinity);
  expect(study.best?.value).toBe(Math.min(...values));
  expect(study.best?.number).toBe(values.indexOf(Math.min(...values)));
  const most = createStudy({ space, direction: "maximise" });
  for (const given of [1, 5, null, 5, NaN]) most.tell(most.ask(), given);
  expect(most.best).toMatchObject({ number: 1, value: 5 });
  expect(most.trials.map((trial) => trial.value)).toEqual([1, 5, null, 5, null]);
});

test("a grid ends", () => {
  const study = createStudy({ space: { a: { categorical: [1, 2] } }, sampler: "grid" });
  for (let i = 0; i < 2; i++) study.tell(study.ask(), 0);
  expect(() => study.ask()).toThrow("study.ask must be called at most 2 times");
});

describe("a scheduler", () => {
  const arrivals = (scheduler: StudyOptions["scheduler"], values: number[]) => {
    const study = createStudy({ space, scheduler });
    return values.map((one) => {
      const trial = study.ask();
      trial.report(1, one);
      const stops = trial.shouldStop();
      study.tell(trial, one);
      return stops ? "S" : "C";
    });
  };

  // Vectors of search.md, 4.3.
  test("stops by Optuna's rule of successive halving", () => {
    const asha = { asha: { mode: "stop" as const, eta: 3 } };
    expect(arrivals(asha, [5, 4, 6, 3, 7, 2]).join("")).toBe("CCSCSC");
    expect(arrivals(asha, [5, 4, 4.2, 3.5, 3.6, 3.9, 1]).join("")).toBe("CCSCSSC");
    expect(arrivals(asha, [1, 2, 3, 4, 5, 6, 7, 8, 9]).join("")).toBe("CSSSSSSSS");
    expect(arrivals(asha, [3, NaN]).join("")).toBe("CS");
  });

  test("stops what is worse than the median", () => {
    const median = { median: { startup: 2 } };
    expect(arrivals(median, [1, 3, 2.5, 2, 0, 2.1]).join("")).toBe("CCSCCS");
  });

  test("that takes trials up again is refused", () => {
    expect(() => createStudy({ space, scheduler: "asha" })).toThrow("mode: stop");
  });
});

test("mistakes are named", () => {
  const study = createStudy({ space, sampler: "tpe" });
  const trial = study.ask();
  expect(() => study.ask()).toThrow("study.ask must be called after trial 0 was told, got lag 0.");
  expect(() => study.tell(1, 0)).toThrow(
    "study.tell must be of a trial that was asked for, got 1.",
  );
  trial.report(1, 0);
  expect(() => trial.report(1, 0)).toThrow("study.report must be of a step above 1, got 1.");
  study.tell(trial, 0);
  expect(() => study.tell(trial, 0)).toThrow("called once per trial");
  expect(() => createStudy({ space: { x: { float: [1, 0] } } })).toThrow("low < high");
  expect(() => createStudy({ space, constraints: ["z > 1"] })).toThrow("constraints.0 must be");
  expect(() => createStudy({ space, seed: 1 }, study.trials)).toThrow("those of this study");
});
