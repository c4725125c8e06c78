import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  complaintError,
  complaintsOf,
  complaintText,
  parseExperiment,
  type ConfigComplaint,
} from "./index.ts";

/** A document as it comes out of a YAML parser, with some top-level parts replaced. */
const config = (parts: Record<string, unknown>): Record<string, unknown> => ({
  version: 1,
  name: "digits",
  data: { source: "data/digits.csv", target: "digit", task: "classification" },
  model: { layers: [{ dense: { units: 8, activation: "relu" } }] },
  ...parts,
});

function complaints(document: unknown): ConfigComplaint[] {
  const parsed = parseExperiment(document);
  return parsed.ok ? [] : parsed.complaints;
}

const messages = (document: unknown) =>
  complaints(document)
    .map((complaint) => complaintText(complaint))
    .join("\n");

describe("a bad configuration", () => {
  test("unknown key, with the nearest known one", () => {
    const document = config({ train: { epoch: 3, lr: 0.1 } });
    expect(messages(document)).toMatchInlineSnapshot(`
      "train.epoch must be a known setting, got "epoch".
      Did you mean epochs?
      train.lr must be a known setting, got "lr".
      Known here: epochs, batch, optimizer, schedule, regularizers, loss, momentumSchedule, clip, noise, augment, sparsity, adversarial, pretrain, semi, horizon, earlyStopping, average, probes."
    `);
    expect(complaints(document)[0]).toMatchObject({ path: ["train", "epoch"], at: "key" });
    expect(messages(config({ sed: 3 }))).toMatchInlineSnapshot(`
      "sed must be a known setting, got "sed".
      Did you mean seed?"
    `);
  });

  test("unknown option, as a key or as a bare name", () => {
    expect(messages(config({ train: { optimizer: { adma: { lr: 1 } } } }))).toMatchInlineSnapshot(`
      "train.optimizer.adma must be a known setting, got "adma".
      Did you mean adam?"
    `);
    expect(messages(config({ train: { optimizer: "adma" } }))).toMatchInlineSnapshot(`
      "train.optimizer must be one of sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw, newton, newtonCg, cg, bfgs, lbfgs, got "adma".
      Did you mean adam?"
    `);
    expect(messages(config({ model: { layers: [{ dens: { units: 3 } }] } })))
      .toMatchInlineSnapshot(`
      "model.layers.0.dens must be a known setting, got "dens".
      Did you mean dense?"
    `);
    expect(messages(config({ model: { layers: ["dense"] } }))).toMatchInlineSnapshot(
      `"model.layers.0 must be an object with exactly one of dense, dropout, activation, repeat, got "dense"."`,
    );
  });

  test("none or several of which exactly one is wanted", () => {
    expect(messages(config({ train: { optimizer: {} } }))).toMatchInlineSnapshot(
      `"train.optimizer must be an object with exactly one of sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw, newton, newtonCg, cg, bfgs, lbfgs, got {}."`,
    );
    expect(messages(config({ ensemble: { bagging: {}, dropout: {} } }))).toMatchInlineSnapshot(
      `"ensemble must be an object with exactly one of bagging, initOnly, dropout, snapshots, fromSearch, got {"bagging":{},"dropout":{}}."`,
    );
    expect(messages(config({ ensemble: { combine: "mean" } }))).toMatchInlineSnapshot(
      `"ensemble must be an object with exactly one of bagging, initOnly, dropout, snapshots, fromSearch, got {"combine":"mean"}."`,
    );
    expect(messages(config({ ensemble: { baging: {} } }))).toMatchInlineSnapshot(`
      "ensemble.baging must be a known setting, got "baging".
      Did you mean bagging?"
    `);
  });

  test("wrong type", () => {
    expect(messages(config({ train: { epochs: "3" } }))).toMatchInlineSnapshot(
      `"train.epochs must be a whole number, got "3"."`,
    );
    expect(messages(config({ train: { epochs: 1.5 } }))).toMatchInlineSnapshot(
      `"train.epochs must be a whole number, got 1.5."`,
    );
    expect(messages(config({ train: 3 }))).toMatchInlineSnapshot(
      `"train must be an object, got 3."`,
    );
    expect(messages(config({ model: { layers: {} } }))).toMatchInlineSnapshot(
      `"model.layers must be a list, got {}."`,
    );
    expect(messages(config({ data: 5 }))).toMatchInlineSnapshot(
      `"data must be an object with source, target, task, got 5."`,
    );
    expect(messages(null)).toMatchInlineSnapshot(
      `"configuration must be an object with version, name, data, model, got null."`,
    );
  });

  test("negative, zero, infinite or missing rate", () => {
    const rate = (lr: unknown) => messages(config({ train: { optimizer: { adam: { lr } } } }));
    expect(rate(-0.1)).toBe("train.optimizer.adam.lr must be > 0, got -0.1.");
    expect(rate(0)).toBe("train.optimizer.adam.lr must be > 0, got 0.");
    expect(rate(Infinity)).toMatchInlineSnapshot(
      `"train.optimizer.adam.lr must be a finite number, got Infinity."`,
    );
    expect(rate(Number.NaN)).toMatchInlineSnapshot(
      `"train.optimizer.adam.lr must be a finite number, got NaN."`,
    );
    expect(rate(null)).toMatchInlineSnapshot(
      `"train.optimizer.adam.lr must be a number, got null."`,
    );
    expect(rate(5000)).toMatchInlineSnapshot(
      `"train.optimizer.adam.lr must be <= 1000, got 5000."`,
    );
  });

  test("value outside its range, in a short form too", () => {
    expect(messages(config({ model: { layers: [{ dropout: 1.5 }] } }))).toMatchInlineSnapshot(
      `"model.layers.0.dropout.rate must be < 1, got 1.5."`,
    );
    expect(messages(config({ train: { batch: 0 } }))).toMatchInlineSnapshot(
      `"train.batch must be >= 1, got 0."`,
    );
    expect(messages(config({ seed: -1 }))).toMatchInlineSnapshot(`"seed must be >= 0, got -1."`);
    expect(messages(config({ name: "My run" }))).toMatchInlineSnapshot(
      `"name must be a short name of lower-case letters, digits and dashes, got "My run"."`,
    );
  });

  test("value that is not one of the known names", () => {
    const data = { source: "a.csv", target: "y", task: "clasification", scale: "none" };
    expect(messages(config({ data }))).toMatchInlineSnapshot(`
      "data.task must be one of classification, regression, got "clasification".
      Did you mean classification?"
    `);
    expect(messages(config({ data: { ...data, task: "ranking" } }))).toMatchInlineSnapshot(
      `"data.task must be one of classification, regression, got "ranking"."`,
    );
    const columns = { age: "number" };
    expect(
      messages(config({ data: { ...data, task: "regression", columns } })),
    ).toMatchInlineSnapshot(
      `"data.columns.age must be one of numeric, categorical, boolean, ignore, got "number"."`,
    );
  });

  test("missing keys", () => {
    expect(messages(config({ data: { source: "a.csv", task: "regression" } })))
      .toMatchInlineSnapshot(`
      "data.target must be a column name, or a list of column names, got nothing.
      Column to predict; several for multi-output regression."
    `);
    expect(messages({})).toMatchInlineSnapshot(`
      "version must be 1, got nothing.
      Version of this format.
      name must be a short name of lower-case letters, digits and dashes, got nothing.
      Short name: lower-case letters, digits and dashes.
      data must be an object with source, target, task, got nothing.
      model must be an object with layers, got nothing."
    `);
    expect(messages(config({ model: { layers: [{ dense: {} }] } }))).toMatchInlineSnapshot(`
      "model.layers.0.dense.units must be a whole number, got nothing.
      Number of units of the layer."
    `);
    expect(messages(config({ version: 2 }))).toMatchInlineSnapshot(`"version must be 1, got 2."`);
  });

  test("empty texts and lists", () => {
    const data = { source: "", target: [], task: "regression" };
    expect(messages(config({ data }))).toMatchInlineSnapshot(`
      "data.source must be the name of a file, got "".
      data.target must be a column name, or a list of column names, got []."
    `);
  });

  test("search space: empty, low above high, log of zero, unfit kinds", () => {
    const search = (space: unknown) => messages(config({ search: { trials: 3, space } }));
    expect(search({})).toMatchInlineSnapshot(
      `"search.space must be an object with at least one parameter, got {}."`,
    );
    expect(search({ "train.epochs": { int: [9, 3] } })).toMatchInlineSnapshot(
      `"search.space.train.epochs.int must be [low, high] with low < high, got [9,3]."`,
    );
    expect(search({ "train.epochs": { int: [1.5, 3] } })).toMatchInlineSnapshot(
      `"search.space.train.epochs.int must be two whole numbers, got [1.5,3]."`,
    );
    expect(
      search({ "train.optimizer.adam.lr": { float: [0, 1], scale: "log" } }),
    ).toMatchInlineSnapshot(
      `"search.space.train.optimizer.adam.lr.float must be above 0 for scale: log, got [0,1]."`,
    );
    expect(search({ "train.optimizer.adam.lr": { float: [0.1] } })).toMatchInlineSnapshot(
      `"search.space.train.optimizer.adam.lr.float must be [low, high], two numbers, got [0.1]."`,
    );
    expect(search({ "train.optimizer.adam.lr": { flaot: [0, 1] } })).toMatchInlineSnapshot(`
      "search.space.train.optimizer.adam.lr.flaot must be a known setting, got "flaot".
      Did you mean float?"
    `);
    expect(search({ "train.optimizer": { categorical: [null] } })).toMatchInlineSnapshot(
      `"search.space.train.optimizer.categorical.0 must be a text or a number or true or false, got null."`,
    );
    expect(
      search({ "train.optimizer": { categorical: ["adam"], scale: "log" } }),
    ).toMatchInlineSnapshot(
      `"search.space.train.optimizer.scale must be left out where there is no range, got "log"."`,
    );
    expect(search({ "": { int: [1, 2] } })).toMatchInlineSnapshot(
      `"search.space. must be a path into model, train or ensemble, got ""."`,
    );
  });
});

test("several faults give several complaints, each with its place", () => {
  const found = complaints(config({ train: { epochs: 0, batch: "many", seeed: 1 }, seed: 0.5 }));
  expect(found.map(({ path, at }) => [path.join("."), at])).toEqual([
    ["seed", "value"],
    ["train.epochs", "value"],
    ["train.batch", "value"],
    ["train.seeed", "key"],
  ]);
});

test("a complaint takes the place in front, or becomes an error", () => {
  const [complaint] = complaints(config({ seed: -1 }));
  expect(complaintText(complaint!, "x.yaml:12:9")).toBe("x.yaml:12:9 seed must be >= 0, got -1.");
  const error = complaintError(complaint!);
  expect(error).toMatchObject({
    code: "config",
    path: "seed",
    message: "seed must be >= 0, got -1.",
  });
});

test("works for documents other than experiments", () => {
  const Row = z.strictObject({ rows: z.array(z.record(z.string(), z.number())).min(1) });
  const read = (input: unknown) => complaintsOf(Row.safeParse(input).error!, input, Row);
  expect(read({ rows: [] }).map((found) => complaintText(found))).toEqual([
    "rows must be a list of at least 1 entry, got [].",
  ]);
  expect(read({ rows: [{ a: "x" }] }).map((found) => complaintText(found))).toEqual([
    'rows.0.a must be a number, got "x".',
  ]);
});
