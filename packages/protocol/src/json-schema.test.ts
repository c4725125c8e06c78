import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { experimentJsonSchema, parseExperiment } from "./index.ts";

const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(
  experimentJsonSchema(),
);

// After a wanted change of the schemas: npm run schema --workspace packages/protocol
test("configs/experiment.schema.json is up to date", async () => {
  const text = `${JSON.stringify(experimentJsonSchema(), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot("../../../configs/experiment.schema.json");
});

const config = (parts: Record<string, unknown>) => ({
  version: 1,
  name: "x",
  data: { source: "a.csv", target: ["y", "z"], task: "regression" },
  model: { layers: [{ dense: { units: 8 } }] },
  ...parts,
});

const lr = "train.optimizer.adam.lr";

const right: Record<string, Record<string, unknown>> = {
  "the smallest experiment": {},
  "bare names": {
    train: { optimizer: "adam", schedule: "cosine" },
    ensemble: { bagging: { sample: "bootstrap" }, combine: "median" },
    search: { sampler: "grid", assess: "folds", space: { [lr]: { categorical: [0.1, 0.2] } } },
  },
  "a bare number": { model: { layers: [{ dropout: 0.5 }, { dropout: { rate: 0.2 } }] } },
  "long forms": {
    train: { optimizer: { adamw: { lr: 0.1 } }, regularizers: [{ l2: 0.1 }, { maxNorm: 3 }] },
    ensemble: { dropout: { networks: 2, masks: 8 }, combine: { weighted: { weights: [1, 2] } } },
    search: {
      sampler: { random: {} },
      trials: 3,
      space: {
        [lr]: { float: [0.1, 1], scale: "log" },
        "model.layers.0.dense.units": { int: [1, 9], steps: 3 },
        "model.layers.17.dense.units": { int: [1, 9] },
      },
    },
  },
};

const wrong: Record<string, Record<string, unknown>> = {
  "two optimizers": { train: { optimizer: { adam: {}, sgd: {} } } },
  "no optimizer": { train: { optimizer: {} } },
  "an unknown optimizer": { train: { optimizer: "adma" } },
  "a layer of two kinds": { model: { layers: [{ dense: { units: 1 }, dropout: 0.5 }] } },
  "two kinds of ensemble": { ensemble: { bagging: {}, initOnly: {} } },
  "no kind of ensemble": { ensemble: { combine: "mean" } },
  "a rate above 1": { model: { layers: [{ dropout: 1.5 }] } },
  "an unknown key": { train: { epoch: 3 } },
  "an empty space": { search: { space: {} } },
  "a domain of two kinds": { search: { space: { [lr]: { float: [0, 1], int: [0, 1] } } } },
};

describe("editors and the parser agree", () => {
  test.each(Object.entries(right))("on %s", (_, parts) => {
    validate(config(parts));
    expect(validate.errors).toBeNull();
    expect(parseExperiment(config(parts)).ok).toBe(true);
  });

  test.each(Object.entries(wrong))("against %s", (_, parts) => {
    expect(validate(config(parts))).toBe(false);
    expect(parseExperiment(config(parts)).ok).toBe(false);
  });
});

test("an editor finds descriptions, defaults and names of search parameters", () => {
  const { properties } = experimentJsonSchema();
  expect(properties).toMatchObject({
    seed: { default: 0, description: "Seed of all randomness." },
    train: {
      properties: {
        optimizer: { description: "The update rule.", anyOf: [{ type: "string" }, {}] },
      },
    },
    search: {
      properties: {
        space: {
          properties: {
            "train.optimizer.adam.lr": { description: "Step size (learning rate)." },
            "model.layers.0.dense.units": { description: "Number of units of the layer." },
            "ensemble.bagging.members": { description: "Number of members (k)." },
          },
        },
      },
    },
  });
});
