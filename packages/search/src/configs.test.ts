import { Experiment, parseExperiment } from "@manyfold/protocol";
import { key } from "@manyfold/core";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { searchComplaints } from "./check.ts";
import { applyParams } from "./params.ts";
import { ask, trialsOf } from "./samplers.ts";

function experimentOf(input: unknown): Experiment {
  const parsed = parseExperiment(input);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.complaints));
  return parsed.experiment;
}

const folder = resolve(import.meta.dirname, "../../../configs");
const experiments = readdirSync(folder)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => experimentOf(parse(readFileSync(join(folder, name), "utf8"))));

test.each(experiments)("every trial of $name is a valid setting", (experiment) => {
  expect(searchComplaints(experiment)).toEqual([]);
  const { search, seed } = experiment;
  if (search === undefined) return;
  for (let trial = 0; trial < trialsOf(search); trial++) {
    const setting = applyParams(experiment, ask(search, { key: key(seed), trial, history: [] }));
    expect(Experiment.parse(setting)).toEqual(setting);
  }
});

test("the searches have as many trials as they say", () => {
  const counts = experiments.flatMap(({ name, search }) =>
    search === undefined ? [] : [[name, trialsOf(search)]],
  );
  expect(Object.fromEntries(counts)).toMatchObject({ "digits-random": 32, "digits-grid": 9 });
});
