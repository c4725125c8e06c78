import { encodeRows, inputsFromRecords } from "@manyfold/data";
import { predictionTable } from "@manyfold/ensemble";
import type { Preprocessing } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { createPredictServer, ModelAnswer } from "./index.ts";
import { predict, serverOf } from "./testing/requests.ts";
import {
  care,
  careNetworks,
  numeric,
  opened,
  patient,
  yesNo,
  yesNoNetworks,
} from "./testing/tiny-artifact.ts";

describe("predictions", () => {
  test("regression: values in original units, the members' deviation, members on request", async () => {
    const server = await serverOf(care, careNetworks);
    // Encoded (1, 0, 1, 0, 1): the first member says 13.5 and 0.5, the second 1 and 2.
    const values = { cost: 172.5, days: 1.25 };
    const spread = { cost: Math.sqrt(125 ** 2 / 2), days: Math.sqrt(1.5 ** 2 / 2) };
    expect(await predict(server, { rows: [patient] })).toEqual([{ values, spread }]);
    const members = [
      { member: 0, values: { cost: 235, days: 0.5 } },
      { member: 1, values: { cost: 110, days: 2 } },
    ];
    expect(await predict(server, { rows: [patient], members: true })).toEqual([
      { values, spread, members },
    ]);
  });

  test("networks that predict distributions: variances too, by where they come from", async () => {
    const one: Preprocessing = {
      inputs: [numeric("x")],
      target: { task: "regression", columns: [{ name: "y", offset: 5, scale: 10 }] },
      width: 1,
    };
    // Weights [1, 2], biases [2]: means 1 and 3, variances softplus(0) + 0.5, in scaled units.
    const networks = [Float32Array.of(0, 0, 1, 0), Float32Array.of(0, 0, 3, 0)];
    const artifact = opened(one, networks, { gaussian: { minVariance: 0.5 } });
    const server = await createPredictServer({ artifact });
    const [answer] = await predict(server, { rows: [{ x: 0 }] });
    const aleatoric = 100 * (Math.log(2) + 0.5);
    expect(answer).toEqual({
      values: { y: 25 },
      spread: { y: expect.closeTo(10 * Math.SQRT2, 10) },
      variance: {
        aleatoric: { y: expect.closeTo(aleatoric, 4) },
        epistemic: { y: expect.closeTo(100, 10) },
        total: { y: expect.closeTo(aleatoric + 100, 4) },
      },
    });
    const { target } = one;
    const { header, rows } = predictionTable(target, artifact.predict(Float32Array.of(0)));
    expect(header).toEqual(["row", "y", "y.spread", "y.variance", "y.aleatoric"]);
    const [cells] = rows();
    expect(cells!.slice(1, 2)).toEqual(["25"]);
    expect(Number(cells![3])).toBeCloseTo(aleatoric + 100, 4);
    expect(Number(cells![4])).toBeCloseTo(aleatoric, 4);
  });

  test("further targets: each as its kind is said, in answers, CSV and the description", async () => {
    const also: Preprocessing = {
      inputs: [numeric("x")],
      target: { task: "regression", columns: [{ name: "y", offset: 5, scale: 10 }] },
      heads: [
        { task: "classification", column: "kind", classes: ["ash", "birch"] },
        { task: "regression", columns: [{ name: "z", offset: 1, scale: 2 }] },
      ],
      width: 1,
    };
    // Logits of y, of both classes, and of z: weights [1, 4], then biases [4].
    const networks = [
      Float32Array.of(0, 0, 0, 0, 1, 0, Math.log(3), 2),
      Float32Array.of(0, 0, 0, 0, 3, 0, Math.log(3), 4),
    ];
    const rest = { output: "auto", loss: "auto", weight: 1 } as const;
    const artifact = opened(also, networks, "auto", [
      { target: "kind", task: "classification", ...rest },
      { target: "z", task: "regression", ...rest },
    ]);
    const server = await createPredictServer({ artifact });
    const [answer] = await predict(server, { rows: [{ x: 0, kind: "ash", z: 3 }] });
    expect(answer).toMatchObject({
      values: { y: 25 },
      heads: {
        kind: { label: "birch", probabilities: { ash: expect.closeTo(0.25, 6) } },
        z: { value: 7, spread: expect.closeTo(2 * Math.SQRT2, 6) },
      },
    });
    const { target, heads } = also;
    const { header, rows } = predictionTable(target, artifact.predict(Float32Array.of(0)), {
      heads,
    });
    expect(header).toEqual(
      "row,y,y.spread,kind.label,kind.p.ash,kind.p.birch,kind.spread,z,z.spread".split(","),
    );
    const [cells] = rows();
    expect([cells![3], cells![7]]).toEqual(["birch", "7"]);
    const described = await server.inject({ url: "/model" });
    expect(described.json()).toMatchObject({ heads });
  });

  test("null is a missing value: the imputed one, and the indicator where training had one", async () => {
    const server = await serverOf(care, careNetworks);
    const [age] = await predict(server, { rows: [{ ...patient, age: null }] });
    // Encoded (0, 1, 1, 0, 1): 14.5 and 0.
    expect(age).toMatchObject({ values: { cost: 100 + (10 * (14.5 + 1)) / 2, days: 1 } });
    const [rest] = await predict(server, { rows: [{ age: 52, smoker: null, region: null }] });
    // Encoded (1, 0, 0, 1, 0): 1.5 and -0.25.
    expect(rest).toMatchObject({ values: { cost: 112.5, days: 0.875 } });
  });

  test("accepts what a table says: 0 and 1 for booleans, unseen levels, the target's column", async () => {
    const server = await serverOf(care, careNetworks);
    const [usual] = await predict(server, { rows: [patient] });
    const [copied] = await predict(server, { rows: [{ ...patient, smoker: 1, cost: "?" }] });
    expect(copied).toEqual(usual);
    const [unseen] = await predict(server, { rows: [{ ...patient, region: 7 }] });
    // Encoded (1, 0, 1, 0, 0): 5.5 and 0.5.
    expect(unseen).toMatchObject({ values: { cost: 132.5, days: 1.25 } });
  });

  test("classification: label, a probability per class, one spread", async () => {
    const server = await serverOf(yesNo, yesNoNetworks);
    const [even, sure] = await predict(server, { rows: [{ x: 0 }, { x: 2 }], members: true });
    expect(even).toEqual({
      label: "no",
      probabilities: { no: 0.5, yes: 0.5 },
      spread: 0,
      members: [0, 1].map((member) => ({ member, probabilities: { no: 0.5, yes: 0.5 } })),
    });
    const p = 1 / (1 + Math.exp(-2));
    expect(sure).toMatchObject({
      label: "yes",
      probabilities: { yes: expect.closeTo((p + 0.5) / 2, 6) },
      spread: expect.closeTo((p - 0.5) / Math.SQRT2, 6),
    });
  });

  test("the library's numbers, to the bit, for more rows than one slice", async () => {
    const ensemble = opened(yesNo, yesNoNetworks);
    const server = await createPredictServer({ artifact: ensemble });
    const rows = Array.from({ length: 1000 }, (_, i) => ({ x: Math.sin(i) * 5 }));
    const { values, spread, labels } = ensemble.predict(
      encodeRows(yesNo, inputsFromRecords(yesNo, rows)),
    );
    const expected = rows.map((_, row) => ({
      label: ["no", "yes"][labels?.[row] ?? -1],
      probabilities: { no: values[2 * row], yes: values[2 * row + 1] },
      spread: spread[row],
    }));
    expect(await predict(server, { rows })).toStrictEqual(expected);
  });
});

test("GET /model tells everything but the weights; GET /healthz that the server lives", async () => {
  const server = await serverOf(care, careNetworks);
  const { manifest } = opened(care, careNetworks);
  const answer = await server.inject("/model");
  expect(answer.headers["content-type"]).toMatch("application/json");
  const model = ModelAnswer.parse(answer.json());
  expect(model).toMatchObject({
    name: "tiny",
    inputs: care.inputs,
    target: care.target,
    members: manifest.members,
    combiner: { mean: {} },
    provenance: manifest.provenance,
  } satisfies Partial<ModelAnswer>);
  expect((await server.inject("/healthz")).json()).toEqual({ status: "ok" });
});
