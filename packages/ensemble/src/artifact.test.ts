import { buildNetwork, fold, key, normals } from "@manyfold/core";
import { encodeRows, inputsFromRecords } from "@manyfold/data";
import { canonicalJson, hashBytes, ManyfoldError, ModelSpec } from "@manyfold/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeArtifact, type ManifestContent, openArtifact } from "./artifact.ts";
import type { Region } from "./conformal.ts";
import { buildEnsemble } from "./predictor.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";

const HASH = "0".repeat(64);
const WIDTH = 4;

const model = (...layers: unknown[]): ModelSpec => ModelSpec.parse({ layers });
const RELU = { dense: { units: 3, activation: "relu" } };

const CLASSES = { task: "classification" as const, column: "kind", classes: ["a", "b", "c"] };
const VALUE = {
  task: "regression" as const,
  columns: [{ name: "y", offset: 5, scale: 10 }],
};

type Member = ManifestContent["members"][number];

function member(changes: Partial<Member> & { member: number }): Member {
  return {
    network: changes.member,
    task: HASH,
    unit: changes.member,
    mask: null,
    features: null,
    ...changes,
  };
}

/** The content of an artifact with three members; everything is small, nothing is trained. */
function contentOf(changes: Partial<ManifestContent> = {}): ManifestContent {
  return {
    format: "manyfold-ensemble",
    version: 1,
    name: "small",
    preprocessing: {
      inputs: ["p", "q", "r", "s"].map((name) => ({
        kind: "numeric",
        name,
        offset: 0,
        factor: 1,
        impute: 0,
        indicator: false,
        min: -1,
        max: 1,
      })),
      target: CLASSES,
      width: WIDTH,
    },
    model: model(RELU),
    members: [0, 1, 2].map((number) => member({ member: number })),
    seed: 7,
    combiner: { mean: {} },
    memberWeights: null,
    residualVariance: null,
    metrics: { test: null, oob: null },
    analysis: null,
    provenance: {
      manyfold: "0.1.0",
      experiment: HASH,
      source: { name: "small.csv", hash: HASH, rows: 10 },
      table: { hash: HASH, bytes: 1, rows: 10, inputs: WIDTH, targets: 1, classes: 3 },
      variant: "js",
      draw: { sample: { bootstrap: { fraction: 1 } }, features: 1 },
      ledger: HASH,
    },
    ...changes,
  };
}

/** Any weights of the content's networks. */
function weightsOf(content: ManifestContent, inputs = WIDTH): Float32Array[] {
  const { target } = content.preprocessing;
  const outputs = target.task === "classification" ? target.classes.length : target.columns.length;
  const network = buildNetwork(content.model, { inputs, task: target.task, outputs });
  const count = new Set(content.members.map((one) => one.network)).size;
  return Array.from({ length: count }, (_, index) =>
    Float32Array.from(normals(fold(key(3), "weights", index), network.parameters.size)),
  );
}

const ROWS = 70;
const x = Float32Array.from(normals(key(1), ROWS * WIDTH));

/** One hidden ReLU layer of 3 units and an output layer, row by row in float64. */
function byHand(weights: Float32Array, inputs: ArrayLike<number>, outputs: number): number[] {
  const width = inputs.length;
  const at = (offset: number, row: number, columns: number, column: number) =>
    weights[offset + row * columns + column]!;
  const hidden = [0, 1, 2].map((unit) => {
    let net = weights[width * 3 + unit]!;
    for (let i = 0; i < width; i++) net += inputs[i]! * at(0, i, 3, unit);
    return Math.max(0, net);
  });
  const start = width * 3 + 3;
  return Array.from({ length: outputs }, (_, output) =>
    hidden.reduce(
      (net, value, unit) => net + value * at(start, unit, outputs, output),
      weights[start + 3 * outputs + output]!,
    ),
  );
}

function softmax(logits: number[]): number[] {
  const powers = logits.map((logit) => Math.exp(logit));
  return powers.map((power) => power / powers.reduce((a, b) => a + b));
}

/** Whether a call ends well or in the one kind of error. */
function endsWell(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch (error) {
    return error instanceof ManyfoldError && error.code === "artifact";
  }
}

describe("predicting", () => {
  test("members are the networks, combined are their mean, rows are on their own", () => {
    const content = contentOf();
    const networks = weightsOf(content);
    const { manifest, weights } = encodeArtifact(content, networks);
    const ensemble = openArtifact(manifest, weights);
    const { values, labels, spread, members } = ensemble.predict(x);
    for (let row = 0; row < ROWS; row++) {
      const inputs = x.subarray(row * WIDTH, (row + 1) * WIDTH);
      const own = networks.map((network) => softmax(byHand(network, inputs, 3)));
      own.forEach((p, i) =>
        p.forEach((value, cls) =>
          expect(members.members[i]!.values[row * 3 + cls]).toBeCloseTo(value, 5),
        ),
      );
      const mean = [0, 1, 2].map((cls) => own.reduce((sum, p) => sum + p[cls]!, 0) / 3);
      const label = labels![row]!;
      mean.forEach((value, cls) => expect(values[row * 3 + cls]).toBeCloseTo(value, 5));
      expect(mean[label]).toBeCloseTo(Math.max(...mean), 5);
      const squares = own.reduce((sum, p) => sum + (p[label]! - mean[label]!) ** 2, 0);
      expect(spread[row]).toBeCloseTo(Math.sqrt(squares / 2), 5);
      const alone = ensemble.predict(inputs);
      expect(alone.values).toEqual(values.slice(row * 3, row * 3 + 3));
    }
    const few = ensemble.predict(x.subarray(0, 5 * WIDTH));
    expect(few.values).toEqual(values.slice(0, 15));
  });

  test("records are encoded by the artifact's own preprocessing", () => {
    const content = contentOf();
    const { manifest, weights } = encodeArtifact(content, weightsOf(content));
    const ensemble = openArtifact(manifest, weights);
    const [p, q, r, s] = x;
    const rows = inputsFromRecords(ensemble.manifest.preprocessing, [{ s, r, q, p }]);
    const encoded = encodeRows(ensemble.manifest.preprocessing, rows);
    expect(ensemble.predict(encoded)).toEqual(ensemble.predict(x.subarray(0, WIDTH)));
  });

  test("regression is in original units, for members that see some of the inputs", () => {
    const features = [
      [0, 2],
      [1, 3],
    ];
    const content = contentOf({
      members: features.map((seen, number) => member({ member: number, features: seen })),
      combiner: { weighted: {} },
      memberWeights: [0.25, 0.75],
      preprocessing: { ...contentOf().preprocessing, target: VALUE },
      residualVariance: [1],
    });
    const networks = weightsOf(content, 2);
    const files = encodeArtifact(content, networks);
    const { values, labels, spread } = openArtifact(files.manifest, files.weights).predict(x);
    expect(labels).toBeNull();
    for (let row = 0; row < ROWS; row++) {
      const [a = 0, b = 0] = features.map((seen, i) => {
        const inputs = seen.map((feature) => x[row * WIDTH + feature]!);
        return byHand(networks[i]!, inputs, 1)[0]! * 10 + 5;
      });
      expect(values[row]).toBeCloseTo(a / 4 + (3 * b) / 4, 3);
      expect(spread[row]).toBeCloseTo(Math.abs(a - b) / Math.SQRT2, 3);
    }
  });

  test("what a combiner was fitted to, a temperature and a set's limit come back", () => {
    const content = contentOf({
      combiner: { stacking: { penalty: 1 } },
      memberWeights: contentOf().members.map((_, i) => (i === 0 ? 1.5 : -0.25)),
      offsets: [0.5, 0, -0.5],
      calibration: { temperature: { temperature: 2 } },
      conformal: { set: { coverage: 0.9, rows: 99, score: "threshold", limit: 0.7 } },
    });
    const networks = weightsOf(content);
    const files = encodeArtifact(content, networks);
    const loaded = openArtifact(files.manifest, files.weights).predict(x);
    expect(loaded).toEqual(buildEnsemble(content, networks).predict(x));
    const region = loaded.region as Extract<Region, { kind: "set" }>;
    const odds = (values: Float64Array) => (2 * Math.log(values[0]! / values[1]!)).toFixed(9);
    const { members } = loaded.members;
    const logs = (cls: number) =>
      members.reduce(
        (sum, own, i) => sum + content.memberWeights![i]! * Math.log(own.values[cls]!),
        content.offsets![cls]!,
      );
    expect(odds(loaded.values)).toBe((logs(0) - logs(1)).toFixed(9));
    loaded.values.forEach((p, at) => {
      const best = loaded.labels![Math.floor(at / 3)] === at % 3;
      expect(region.classes[at]).toBe(p >= 0.3 || best ? 1 : 0);
    });
  });

  describe("thinned networks", () => {
    // Without a nonlinearity the mean over masks is the network itself: weight scaling is exact.
    const content = contentOf({
      model: model({ dropout: 0.5 }, { dense: { units: 8 } }, { dropout: 0.25 }),
      preprocessing: { ...contentOf().preprocessing, target: VALUE },
      members: Array.from({ length: 4000 }, (_, mask) =>
        member({ member: mask, network: 0, unit: 0, mask }),
      ),
    });
    const networks = weightsOf(content);
    const rows = x.subarray(0, 5 * WIDTH);
    const members = buildEnsemble(content, networks).predictMembers(rows);
    const whole = buildEnsemble({ ...content, members: [member({ member: 0 })] }, networks);

    test("average to the whole network", () => {
      const scaled = whole.predict(rows).values;
      scaled.forEach((value, row) => {
        const own = members.members.map(({ values }) => values[row]!);
        const mean = own.reduce((a, b) => a + b) / own.length;
        const squares = own.reduce((sum, v) => sum + (v - mean) * (v - mean), 0) / own.length;
        expect(Math.abs(mean - value)).toBeLessThan(4 * Math.sqrt(squares / own.length));
        expect(squares).toBeGreaterThan(0);
      });
    });

    test("have one mask for all rows, whatever the batch", () => {
      const first = buildEnsemble(content, networks).predictMembers(rows.subarray(0, WIDTH));
      first.members.forEach(({ values }, i) =>
        expect(values[0]).toBe(members.members[i]!.values[0]),
      );
      // Equal rows are predicted alike by every thinned network.
      const twice = Float32Array.from([...rows.subarray(0, WIDTH), ...rows.subarray(0, WIDTH)]);
      const again = buildEnsemble(content, networks).predictMembers(twice);
      again.members.forEach(({ values }) => expect(values[1]).toBe(values[0]));
    });

    test("depend on seed, unit and mask, and on nothing else", () => {
      const few = { ...content, members: content.members.slice(0, 3) };
      const of = (description: typeof few) =>
        buildEnsemble(description, networks)
          .predictMembers(rows)
          .members.map(({ values }) => values);
      expect(of(few)).toEqual(members.members.slice(0, 3).map(({ values }) => values));
      const moved = few.members.map((one) => ({ ...one, member: one.member + 64 }));
      expect(of({ ...few, members: moved })).toEqual(of(few));
      const other = few.members.map((one) => ({ ...one, unit: 1 }));
      expect(of({ ...few, members: other })).not.toEqual(of(few));
      expect(of({ ...few, seed: 8 })).not.toEqual(of(few));
    });
  });
});

describe("the artifact", () => {
  const content = contentOf();
  const networks = weightsOf(content);
  const { manifest, weights } = encodeArtifact(content, networks);
  const text = new TextDecoder().decode(manifest);

  /** Opens the artifact with a changed manifest. */
  function openWith(change: (manifest: Record<string, unknown>) => void): unknown {
    const document = JSON.parse(text) as Record<string, unknown>;
    change(document);
    return openArtifact(new TextEncoder().encode(JSON.stringify(document)), weights);
  }

  test("is the same bytes each time, with the tensors named after networks and parameters", () => {
    expect(encodeArtifact(contentOf(), weightsOf(content))).toEqual({ manifest, weights });
    expect(text).toBe(`${canonicalJson(JSON.parse(text))}\n`);
    const names = [0, 1, 2].flatMap((network) =>
      ["layers.0.dense.bias", "layers.0.dense.weight", "output.bias", "output.weight"].map(
        (name) => `networks.${network}.${name}`,
      ),
    );
    expect([...decodeSafetensors(weights).keys()]).toEqual(names);
  });

  test("opens to what was written", () => {
    const opened = openArtifact(manifest, weights);
    expect(opened.manifest).toMatchObject({ ...content, weights: { hash: hashBytes(weights) } });
    expect(encodeArtifact(opened.manifest, networks)).toEqual({ manifest, weights });
  });

  test("of a newer version says so", () => {
    expect(() => openWith((document) => (document["version"] = 2))).toThrow(
      "artifact/manifest.json version must be at most 1, got 2.\nA newer version of manyfold",
    );
  });

  test.each<[string, (manifest: Record<string, unknown>) => void, string]>([
    ["another format", (m) => (m["format"] = "onnx"), "format"],
    ["an unknown key", (m) => (m["extra"] = 1), "extra must be a known setting"],
    ["a missing key", (m) => delete m["seed"], "seed must be"],
    ["a wrong type", (m) => (m["seed"] = "7"), "seed must be"],
    ["no members", (m) => (m["members"] = []), "members must be"],
    ["the order of members", (m) => (m["members"] as unknown[]).reverse(), "members.1.member"],
    ["a network that is not there", (m) => change(m, { network: 9 }), "of networks 0 to 2"],
    ["fewer networks", (m) => change(m, { network: 1 }), "of networks 0 to 1"],
    ["features that are not there", (m) => change(m, { features: [9] }), "members.0.features"],
    ["features in disorder", (m) => change(m, { features: [1, 0] }), "members.0.features"],
    ["another number of features", (m) => change(m, { features: [0, 1] }), "of shape [2,3]"],
    ["another model", (m) => (m["model"] = model({ dense: { units: 4 } })), "of shape [4,4]"],
    ["a larger model", (m) => (m["model"] = model(RELU, RELU)), "layers.1.dense.weight"],
    ["a smaller model", (m) => (m["model"] = model()), "of shape [4,3]"],
    [
      "another width",
      (m) => ((m["preprocessing"] as { width: number }).width = 5),
      "width must be 4",
    ],
    ["a head that does not fit", (m) => ((m["model"] as ModelSpec).output = "sigmoid"), "softmax"],
    ["weights that are missing", (m) => (m["combiner"] = { weighted: {} }), "memberWeights"],
    [
      "a stacker without offsets",
      (m) => {
        const memberWeights = (m["members"] as unknown[]).map(() => -1);
        Object.assign(m, { combiner: { stacking: { penalty: 1 } }, memberWeights });
      },
      "offsets",
    ],
    [
      "a curve for one of three classes",
      (m) => (m["calibration"] = { isotonic: { curves: [{ from: [0, 1], to: [0.1, 0.9] }] } }),
      "calibration",
    ],
    [
      "intervals around classes",
      (m) => (m["conformal"] = { interval: { coverage: 0.9, rows: 9, radius: [1] } }),
      "conformal",
    ],
    ["weights of nothing", (m) => (m["residualVariance"] = [1]), "residualVariance"],
    ["another hash", (m) => (m["weights"] = { hash: HASH, bytes: weights.length }), "of sha256"],
    ["another length", (m) => (m["weights"] = { hash: HASH, bytes: 3 }), "3 bytes long"],
  ])("refuses %s", (_, damage, message) => {
    const open = () => openWith(damage);
    expect(open).toThrow(ManyfoldError);
    expect(open).toThrow(message);
  });

  function change(document: Record<string, unknown>, to: Partial<Member>): void {
    Object.assign((document["members"] as Member[])[0]!, to);
  }

  test("every truncation, and a changed byte of the weights, is refused", () => {
    for (let length = 0; length < manifest.length - 1; length += 7) {
      expect(() => openArtifact(manifest.subarray(0, length), weights)).toThrow(ManyfoldError);
    }
    for (let length = 0; length < weights.length; length += 13) {
      expect(() => openArtifact(manifest, weights.subarray(0, length))).toThrow(ManyfoldError);
    }
    const tampered = Uint8Array.from(weights);
    tampered[weights.length - 1]! ^= 1;
    expect(() => openArtifact(manifest, tampered)).toThrow("weights.safetensors must be of sha256");
  });

  test("weights that are not finite are refused, with any hash", () => {
    const tensors = decodeSafetensors(weights);
    tensors.get("networks.1.output.bias")!.values[0] = NaN;
    const bytes = encodeSafetensors(tensors);
    const document = JSON.parse(text) as Record<string, unknown>;
    document["weights"] = { hash: hashBytes(bytes), bytes: bytes.length };
    const changed = new TextEncoder().encode(JSON.stringify(document));
    expect(() => openArtifact(changed, bytes)).toThrow("must be a file of finite numbers");
  });

  test("any manifest opens or gives the one kind of error", () => {
    const open = (bytes: Uint8Array) => {
      expect(endsWell(() => openArtifact(bytes, weights))).toBe(true);
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), open));
    fc.assert(fc.property(fc.json(), (json) => open(new TextEncoder().encode(json))));
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 32, max: 126 }), (at, byte) => {
        const bytes = Uint8Array.from(manifest);
        bytes[at % bytes.length] = byte;
        open(bytes);
      }),
      { numRuns: 400 },
    );
  });
});
