import { encodeArtifact, openArtifact, type ManifestContent } from "@manyfold/ensemble";
import type { FittedColumn, ModelSpec, Preprocessing } from "@manyfold/protocol";

const hash = "0".repeat(64);

/** Linear networks without hidden layers: predictions can be checked by hand. */
export function content(
  preprocessing: Preprocessing,
  k: number,
  output: ModelSpec["output"] = "auto",
  heads?: ModelSpec["heads"],
): ManifestContent {
  return {
    format: "manyfold-ensemble",
    version: 1,
    name: "tiny",
    preprocessing,
    model: { layers: [], output, init: "auto", ...(heads && { heads }) },
    members: Array.from({ length: k }, (_, member) => ({
      member,
      network: member,
      task: hash,
      unit: member,
      mask: null,
      features: null,
    })),
    seed: 1,
    combiner: { mean: {} },
    memberWeights: null,
    residualVariance: null,
    metrics: { test: null, oob: null },
    analysis: null,
    provenance: {
      manyfold: "0.1.0",
      experiment: hash,
      source: { name: "tiny.csv", hash, rows: 10 },
      table: {
        hash,
        bytes: 0,
        rows: 10,
        inputs: preprocessing.width,
        targets: 1,
        classes: preprocessing.target.task === "classification" ? 2 : 0,
      },
      variant: "js",
      draw: { sample: { all: {} }, features: 1 },
      ledger: hash,
    },
  };
}

export function opened(
  preprocessing: Preprocessing,
  networks: readonly Float32Array[],
  output: ModelSpec["output"] = "auto",
  heads?: ModelSpec["heads"],
) {
  const files = encodeArtifact(content(preprocessing, networks.length, output, heads), networks);
  return openArtifact(files.manifest, files.weights);
}

export const numeric = (name: string, more: Partial<FittedColumn & { kind: "numeric" }> = {}) =>
  ({
    kind: "numeric",
    name,
    offset: 0,
    factor: 1,
    impute: 0,
    indicator: false,
    min: -1,
    max: 1,
    ...more,
  }) as const;

/** Inputs encoded: (age - 50) / 2, age missing, smoker, north, south. */
export const care: Preprocessing = {
  inputs: [
    numeric("age", { offset: 50, factor: 0.5, impute: 50, indicator: true, min: 20, max: 80 }),
    { kind: "boolean", name: "smoker", impute: false, indicator: false },
    {
      kind: "categorical",
      name: "region",
      levels: ["north", "south"],
      impute: "north",
      indicator: false,
    },
  ],
  target: {
    task: "regression",
    columns: [
      { name: "cost", offset: 100, scale: 10 },
      { name: "days", offset: 0, scale: 1 },
    ],
  },
  width: 5,
};
export const careNetworks = [
  // weight [5, 2] row by row, bias [2]
  Float32Array.of(1, 0.5, 2, 0, 4, 1, 0, 0.25, 8, 0, 0.5, -1),
  Float32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2),
];
export const patient = { age: 52, smoker: true, region: "south" };

/** One input x: members say yes with probability sigmoid(x) and 1/2. */
export const yesNo: Preprocessing = {
  inputs: [numeric("x")],
  target: { task: "classification", column: "answer", classes: ["no", "yes"] },
  width: 1,
};
export const yesNoNetworks = [Float32Array.of(0, 1, 0, 0), new Float32Array(4)];
