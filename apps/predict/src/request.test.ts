import type { Preprocessing } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { createPredictServer, ErrorAnswer } from "./index.ts";
import { predict, refusal, serverOf } from "./testing/requests.ts";
import {
  care,
  careNetworks,
  numeric,
  opened,
  patient,
  yesNo,
  yesNoNetworks,
} from "./testing/tiny-artifact.ts";

describe("refused rows name the place", () => {
  const cases: [what: string, body: unknown, path: string, message: string][] = [
    ["no object", 7, "body", "body must be an object, got 7."],
    ["no rows", {}, "rows", "rows must be a list of 1 to 10000 rows, got nothing."],
    ["an empty list", { rows: [] }, "rows", "got a list of 0."],
    ["an array alone", [patient], "body", "body must be an object, got a list of 1."],
    ["another setting", { rows: [patient], member: true }, "member", "Did you mean members?"],
    ["no truth value", { rows: [patient], members: "yes" }, "members", "must be true or false"],
    ["a row that is none", { rows: [patient, 3] }, "rows.1", "an object with a value per input"],
    [
      "a text for a number",
      { rows: [patient, patient, patient, { ...patient, age: "52" }] },
      "rows.3.age",
      'rows.3.age must be a finite number, or null where it is missing, got "52".',
    ],
    ["the text NaN", { rows: [{ ...patient, age: "NaN" }] }, "rows.0.age", "a finite number"],
    ["a list", { rows: [{ ...patient, age: [52] }] }, "rows.0.age", "got a list of 1."],
    ["another truth", { rows: [{ ...patient, smoker: 2 }] }, "rows.0.smoker", "true or false"],
    ["no text", { rows: [{ ...patient, region: {} }] }, "rows.0.region", "a text, or null"],
    ["a missing column", { rows: [{ age: 1, region: "north" }] }, "rows.0.smoker", "got nothing"],
    [
      "a mistyped column",
      { rows: [{ aeg: 52, smoker: true, region: "south" }] },
      "rows.0.aeg",
      'rows.0.aeg must be an input of this ensemble, got "aeg".\nDid you mean age?',
    ],
  ];
  test.each(cases)("%s", async (_, body, path, message) => {
    const server = await serverOf(care, careNetworks);
    const found = await refusal(server, JSON.stringify(body));
    expect(found).toMatchObject({ status: 400, code: "input", path });
    expect(found.message).toContain(message);
  });

  test("a column named like a method is still missing, or wrong", async () => {
    const odd: Preprocessing = { ...yesNo, inputs: [numeric("toString")] };
    const server = await serverOf(odd, yesNoNetworks);
    expect(await refusal(server, { rows: [{}] })).toMatchObject({ path: "rows.0.toString" });
    expect(await predict(server, { rows: [{ toString: 0 }] })).toHaveLength(1);
  });

  test("numbers beyond float64 and float32, and a prediction that overflows", async () => {
    const server = await serverOf(yesNo, yesNoNetworks);
    const beyond = await refusal(server, '{"rows":[{"x":1e999}]}');
    expect(beyond).toMatchObject({ status: 400, path: "rows.0.x" });
    expect(await refusal(server, { rows: [{ x: 0 }, { x: 1e300 }] })).toMatchObject({
      status: 400,
      code: "input",
      path: expect.stringMatching(/^rows.1.*x$/),
    });
    const steep = await serverOf(care, [new Float32Array(12).fill(3e38, 0, 1)]);
    const rows = Array.from({ length: 300 }, (_, i) => ({ ...patient, age: i === 299 ? 90 : 50 }));
    expect(await refusal(steep, { rows })).toMatchObject({ status: 400, path: "rows.299" });
  });
});

describe("abuse is answered, in the one form of errors", () => {
  const post = { "content-type": "application/json" };

  test.each([
    ["no JSON", '{"rows":[', post, 400, "body"],
    ["NaN in JSON", '{"rows":[{"age":NaN}]}', post, 400, "body"],
    ["nothing", "", post, 400, "body"],
    ["a poisoned row", '{"rows":[{"__proto__":{"age":1}}]}', post, 400, "body"],
    ["an escaped one", '{"rows":[{"\\u005f_proto__":1}]}', post, 400, "body"],
    ["a constructor", '{"constructor":{"prototype":{"a":1}}}', post, 400, "body"],
    ["a text", "age,smoker\n1,0", { "content-type": "text/plain" }, 415, "content-type"],
    [
      "a form",
      "age=1",
      { "content-type": "application/x-www-form-urlencoded" },
      415,
      "content-type",
    ],
    ["no content type", "{}", { "content-type": "" }, 415, "content-type"],
    ["a torn content type", "{}", { "content-type": "\u0000;;" }, 415, "content-type"],
  ])("%s", async (_, payload, headers, status, path) => {
    const server = await serverOf(care, careNetworks);
    expect(await refusal(server, payload, headers)).toMatchObject({ status, path });
    expect(await predict(server, { rows: [patient] })).toHaveLength(1);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test("a body, a list or an answer over the limits", async () => {
    const server = await serverOf(care, careNetworks, { bodyBytes: 5000, rows: 50, numbers: 60 });
    const body = JSON.stringify({ rows: [{ ...patient, region: "x".repeat(5000) }] });
    expect(await refusal(server, body)).toMatchObject({
      status: 413,
      path: "body",
      message: "body must be at most 5000 bytes.\nSend the rows in several requests.",
    });
    const rows = (count: number) => Array.from({ length: count }, () => patient);
    expect(await refusal(server, { rows: rows(51) })).toMatchObject({ status: 400, path: "rows" });
    expect(await refusal(server, { rows: rows(31) })).toMatchObject({ status: 400, path: "rows" });
    expect(await predict(server, { rows: rows(30) })).toHaveLength(30);
    expect(await refusal(server, { rows: rows(11), members: true })).toMatchObject({ status: 400 });
    expect(await predict(server, { rows: rows(10), members: true })).toHaveLength(10);
  });

  test("a hundred thousand columns", async () => {
    const server = await serverOf(care, careNetworks);
    const columns = Array.from({ length: 1e5 }, (_, i) => [`c${i}`, i]);
    const wide = { ...patient, ...Object.fromEntries(columns) };
    expect(await refusal(server, { rows: [wide] })).toMatchObject({
      status: 400,
      path: "rows.0.c0",
    });
    const long = "n".repeat(1e6);
    const found = await refusal(server, { rows: [{ ...patient, [long]: 1 }] });
    expect(found).toMatchObject({ status: 400 });
  });

  test("a million rows that are none", async () => {
    const server = await serverOf(care, careNetworks);
    const body = `{"rows":[${"0,".repeat(1e6)}0]}`;
    expect(await refusal(server, body)).toMatchObject({ status: 400, path: "rows" });
  });

  test("deep nesting, in place of anything", async () => {
    const server = await serverOf(care, careNetworks);
    const deep = "[".repeat(1e5) + "]".repeat(1e5);
    const objects = '{"a":'.repeat(1e5) + "1" + "}".repeat(1e5);
    for (const nested of [deep, objects]) {
      expect(await refusal(server, nested)).toMatchObject({ status: 400 });
      expect(await refusal(server, `{"rows":${nested}}`)).toMatchObject({ status: 400 });
      expect(await refusal(server, `{"rows":[${nested}]}`)).toMatchObject({ status: 400 });
      const cell = `{"rows":[{"age":${nested},"smoker":true,"region":"north"}]}`;
      expect(await refusal(server, cell)).toMatchObject({ status: 400, path: "rows.0.age" });
    }
  });

  test("unknown places and methods", async () => {
    const server = await serverOf(care, careNetworks);
    for (const [method, url] of [
      ["GET", "/"],
      ["GET", "/predict"],
      ["DELETE", "/model"],
      ["GET", "/../../etc/passwd"],
      ["GET", `/${"x".repeat(5000)}`],
    ] as const) {
      const answer = await server.inject({ method, url });
      expect(answer.statusCode).toBe(404);
      expect(ErrorAnswer.parse(answer.json()).error.code).toBe("usage");
      expect(answer.body.length).toBeLessThan(500);
    }
    const bad = await server.inject("/%E0%A4%A");
    expect(bad.statusCode).toBe(400);
    expect(ErrorAnswer.parse(bad.json()).error.path).toBe("url");
  });

  test("a failure of ours tells nothing of the inside", async () => {
    const artifact = opened(care, careNetworks);
    const predict = () => {
      throw new Error("(logged by a test) a secret in /home/secret");
    };
    const server = await createPredictServer({ artifact: { ...artifact, predict } });
    const found = await refusal(server, { rows: [patient] });
    expect(found).toEqual({
      status: 500,
      code: "internal",
      path: "server",
      message: "server must be able to answer.\nIt failed; its log says why.",
    });
    expect((await server.inject("/healthz")).statusCode).toBe(200);
  });

  test("a prediction that takes too long ends, and the server goes on", async () => {
    const server = await serverOf(care, careNetworks, { milliseconds: 1 });
    const rows = Array.from({ length: 10_000 }, () => patient);
    expect(await refusal(server, { rows })).toMatchObject({ status: 503, code: "environment" });
    expect(await predict(server, { rows: [patient] })).toHaveLength(1);
  });
});
