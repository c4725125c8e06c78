import { fold, key, normals } from "@manyfold/core";
import { encodeRows, inputsFromRecords } from "@manyfold/data";
import { type Calibration, type Combiner, ModelSpec, type Preprocessing } from "@manyfold/protocol";
import { InferenceSession, Tensor } from "onnxruntime-web";
import { describe, expect, test } from "vitest";
import { encodeArtifact, type ManifestContent, openArtifact } from "../artifact.ts";
import { weightingOf } from "../combiners.ts";
import { networkOf } from "../predictor.ts";
import { encodeOnnx } from "./export.ts";

const HASH = "0".repeat(64);
const K = 5;

const PREPROCESSING: Preprocessing = {
  inputs: [
    {
      kind: "numeric",
      name: "age",
      offset: 50,
      factor: 0.1,
      impute: 48,
      indicator: true,
      min: 20,
      max: 80,
    },
    {
      kind: "categorical",
      name: "region",
      levels: ["north", "south", "west"],
      impute: "west",
      indicator: true,
    },
    { kind: "boolean", name: "smoker", impute: false, indicator: true },
    {
      kind: "numeric",
      name: "dose",
      offset: -3,
      factor: 2.5,
      impute: 0,
      indicator: false,
      min: -5,
      max: 5,
    },
  ],
  target: { task: "classification", column: "kind", classes: ["a", "b", "c"] },
  width: 9,
};
const VALUES: Preprocessing = {
  ...PREPROCESSING,
  target: {
    task: "regression",
    columns: [
      { name: "y", offset: 150, scale: 70 },
      { name: "z", offset: 0, scale: 0.2 },
    ],
  },
};

const ROWS = Array.from({ length: 40 }, (_, i) => ({
  age: i % 7 === 3 ? null : 20 + ((i * 13) % 60) + 0.37,
  region: i % 9 === 4 ? null : (["north", "south", "west", "elsewhere"][i % 4] ?? null),
  smoker: i % 11 === 5 ? null : i % 3 === 0,
  dose: -5 + ((i * 7) % 100) / 10,
}));

interface Case {
  readonly preprocessing?: Preprocessing;
  readonly layers?: unknown[];
  readonly output?: unknown;
  readonly changes?: Partial<ManifestContent>;
}

function filesOf({ preprocessing = PREPROCESSING, layers, output, changes = {} }: Case) {
  const content: ManifestContent = {
    format: "manyfold-ensemble",
    version: 1,
    name: "onnx",
    preprocessing,
    model: ModelSpec.parse({
      layers: layers ?? [{ dense: { units: 7, activation: "tanh" } }],
      ...(output === undefined ? {} : { output }),
    }),
    members: Array.from({ length: K }, (_, member) => ({
      member,
      network: member,
      task: HASH,
      unit: member,
      mask: null,
      features: null,
    })),
    seed: 7,
    combiner: { mean: {} },
    memberWeights: null,
    residualVariance: null,
    metrics: { test: null, oob: null },
    analysis: null,
    provenance: {
      manyfold: "0.1.0",
      experiment: HASH,
      source: { name: "x.csv", hash: HASH, rows: 10 },
      table: { hash: HASH, bytes: 1, rows: 10, inputs: 9, targets: 1, classes: 3 },
      variant: "js",
      draw: { sample: { all: {} }, features: 1 },
      ledger: HASH,
    },
    ...changes,
  };
  const count = new Set(content.members.map(({ network }) => network)).size;
  const networks = Array.from({ length: count }, (_, index) => {
    const inputs = content.members[index]?.features?.length ?? preprocessing.width;
    const { size } = networkOf(content, inputs, index).parameters;
    return Float32Array.from(normals(fold(key(3), "weights", index), size), (w) => w * 0.7);
  });
  return encodeArtifact(content, networks);
}

/** Largest gap between ONNX Runtime's and our own prediction of the same rows, of 1 or the value. */
async function gap(one: Case): Promise<number> {
  const files = filesOf(one);
  const ensemble = openArtifact(files.manifest, files.weights);
  const { preprocessing } = ensemble.manifest;
  const x = encodeRows(preprocessing, inputsFromRecords(preprocessing, ROWS));
  const ours = ensemble.predict(x);
  const session = await InferenceSession.create(encodeOnnx(files.manifest, files.weights));
  const shape = [ROWS.length, 1];
  const given = await session.run({
    age: new Tensor(
      "float64",
      Float64Array.from(ROWS, ({ age }) => age ?? NaN),
      shape,
    ),
    region: new Tensor(
      "string",
      ROWS.map(({ region }) => region ?? ""),
      shape,
    ),
    smoker: new Tensor(
      "float64",
      Float64Array.from(ROWS, ({ smoker }) => (smoker === null ? NaN : Number(smoker))),
      shape,
    ),
    dose: new Tensor(
      "float64",
      Float64Array.from(ROWS, ({ dose }) => dose),
      shape,
    ),
  });
  await session.release();
  const apart = (name: string, wanted: ArrayLike<number>): number => {
    const found = given[name]?.data as ArrayLike<number> | undefined;
    if (found?.length !== wanted.length) return Infinity;
    const gaps = Array.from(
      wanted,
      (value, i) => Math.abs(value - Number(found[i])) / Math.max(1, Math.abs(value)),
    );
    return Math.max(...gaps);
  };
  const { target } = preprocessing;
  const { labels, region } = ours;
  const said = (given["label"]?.data ?? []) as readonly string[];
  const right =
    target.task === "regression" ||
    said.every((label, row) => label === target.classes[labels?.[row] ?? -1]);
  return Math.max(
    apart("values", ours.values),
    apart("spread", ours.spread),
    apart(
      "members",
      ours.members.members.flatMap(({ values }) => [...values]),
    ),
    right ? 0 : Infinity,
    region?.kind === "interval" ? apart("low", region.low) : 0,
    region?.kind === "interval" ? apart("high", region.high) : 0,
    region?.kind === "set" ? apart("set", region.classes) : 0,
  );
}

const NEAR = 1e-5;

const ACTIVATIONS = [
  "identity",
  "sigmoid",
  "tanh",
  "relu",
  "selu",
  "gelu",
  "silu",
  "softplus",
  "hardTanh",
  "abs",
  "rbf",
  { leakyRelu: {} },
  { prelu: {} },
  { elu: {} },
  { maxout: { pieces: 3 } },
];

describe("ONNX Runtime gives our predictions", () => {
  test.each(ACTIVATIONS.map((activation) => [JSON.stringify(activation), activation]))(
    "activation %s",
    async (_, activation) => {
      expect(
        await gap({ layers: [{ dense: { units: 6, activation } }, { dense: { units: 4 } }] }),
      ).toBeLessThan(NEAR);
    },
  );

  test.each(["linear", { gaussian: {} }, { mixture: { components: 2 } }].map((one) => [one]))(
    "values of head %j",
    async (output) => {
      const interval = { coverage: 0.9, rows: 9, score: "absolute" as const, radius: [20, 0.1] };
      expect(
        await gap({ preprocessing: VALUES, output, changes: { conformal: { interval } } }),
      ).toBeLessThan(NEAR);
    },
  );

  test.each(["normalised", "quantile"] as const)("intervals by score %s", async (score) => {
    for (const radius of [
      [2, 0.1],
      [-50, -0.01],
    ]) {
      const quantiles = score === "quantile" ? { quantiles: [0.1, 0.85] as [number, number] } : {};
      const interval = { coverage: 0.9, rows: 9, score, radius, ...quantiles };
      const changes = { conformal: { interval }, residualVariance: [30, 0.2] };
      if (score === "normalised" && radius[0]! < 0) continue;
      expect(await gap({ preprocessing: VALUES, changes })).toBeLessThan(NEAR);
    }
  });

  test("two classes of one unit", async () => {
    const target = { task: "classification" as const, column: "kind", classes: ["no", "yes"] };
    expect(
      await gap({ preprocessing: { ...PREPROCESSING, target }, output: "sigmoid" }),
    ).toBeLessThan(NEAR);
  });

  test("networks of models of their own", async () => {
    const models = Array.from({ length: K }, (_, index) =>
      ModelSpec.parse({
        layers: Array.from({ length: 1 + (index % 2) }, () => ({
          dense: { units: 3 + index, activation: index % 3 === 0 ? "tanh" : "relu" },
        })),
      }),
    );
    expect(await gap({ changes: { models } })).toBeLessThan(NEAR);
  });

  const combiners: Combiner[] = [
    { mean: {} },
    { median: {} },
    { vote: {} },
    { weighted: {} },
    { trimmed: { fraction: 0.25 } },
    { geometric: {} },
    { nnls: {} },
    { minimumVariance: { nonNegative: false } },
    { greedy: { picks: 3 } },
    { stacking: { penalty: 1 } },
  ];
  const weightsOf = (combiner: Combiner, classes: boolean): Partial<ManifestContent> => {
    const { weights, signed, offsets } = weightingOf(combiner);
    return {
      combiner,
      memberWeights: !weights
        ? null
        : signed
          ? [0.9, -0.5, 0.3, 0.2, 0.1]
          : [0.4, 0, 0.3, 0.2, 0.1],
      ...(offsets ? { offsets: classes ? [0.2, -0.4, 0.1] : [3, -0.1] } : {}),
    };
  };
  test.each(combiners.map((combiner) => [JSON.stringify(combiner), combiner] as const))(
    "combiner %s",
    async (_, combiner) => {
      expect(await gap({ changes: weightsOf(combiner, true) })).toBeLessThan(NEAR);
    },
  );

  test.each(
    combiners
      .filter((one) => !("vote" in one || "geometric" in one))
      .map((combiner) => [JSON.stringify(combiner), combiner] as const),
  )("values by combiner %s", async (_, combiner) => {
    const changes = weightsOf(combiner, false);
    expect(await gap({ preprocessing: VALUES, changes })).toBeLessThan(NEAR);
  });

  const curves = [0, 1, 2].map(() => ({ from: [0.1, 0.3, 0.35, 0.8], to: [0.05, 0.2, 0.5, 0.9] }));
  const calibrations: Calibration[] = [
    { temperature: { temperature: 1.7 } },
    { isotonic: { curves: [...curves.slice(1), { from: [0.5], to: [0.3] }] } },
  ];
  test.each(calibrations.map((one) => [JSON.stringify(one).slice(0, 12), one] as const))(
    "calibration %s, with sets",
    async (_, calibration) => {
      for (const score of ["threshold", "adaptive"] as const) {
        const set = { coverage: 0.9, rows: 50, score, limit: 0.75 };
        expect(await gap({ changes: { calibration, conformal: { set } } })).toBeLessThan(NEAR);
      }
    },
  );

  test("members that are masks of a network, and such that see some inputs", async () => {
    const member = (number: number) => ({ member: number, task: HASH, unit: 0, network: 0 });
    const masks = [0, 1, 2, 3].map((mask) => ({ ...member(mask), mask, features: null }));
    const layers = [{ dense: { units: 12, activation: "relu" } }, { dropout: 0.5 }];
    expect(await gap({ layers, changes: { members: masks } })).toBeLessThan(NEAR);
    const features = [0, 1, 2].map((i) => ({
      ...member(i),
      unit: i,
      network: i,
      mask: null,
      features: [i, i + 2, i + 5],
    }));
    expect(await gap({ changes: { members: features } })).toBeLessThan(NEAR);
  });

  test("weights that layers share", async () => {
    const dense = { units: 9, activation: "tanh" };
    expect(
      await gap({ layers: [{ dense }, { dense: { ...dense, share: "layers.0" } }] }),
    ).toBeLessThan(NEAR);
  });
});
