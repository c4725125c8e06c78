import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeArtifact, type ManifestContent, openArtifact } from "@manyfold/ensemble";
import { expect, onTestFinished, test } from "vitest";
import { createPredictServer, ErrorAnswer, type PredictServerOptions } from "./index.ts";
import { predict } from "./testing/requests.ts";
import { care, careNetworks, content, patient, yesNo } from "./testing/tiny-artifact.ts";

const yes = [Float32Array.of(0, 1, 0, 0), new Float32Array(4)];

function opened(changes: Partial<ManifestContent>, networks: readonly Float32Array[] = yes) {
  const files = encodeArtifact({ ...content(yesNo, networks.length), ...changes }, networks);
  return openArtifact(files.manifest, files.weights);
}

async function serve(options: PredictServerOptions) {
  const server = await createPredictServer(options);
  onTestFinished(() => server.close());
  return server;
}

type Server = Awaited<ReturnType<typeof serve>>;

const csv = (server: Server, payload: string, url = "/predict") =>
  server.inject({ method: "POST", url, payload, headers: { "content-type": "text/csv" } });

async function folderWith(networks: readonly Float32Array[]) {
  const path = await mkdtemp(join(tmpdir(), "manyfold-serve-"));
  onTestFinished(() => rm(path, { recursive: true }));
  const write = async (some: readonly Float32Array[]) => {
    const files = encodeArtifact(content(yesNo, some.length), some);
    await writeFile(join(path, "weights.safetensors"), files.weights);
    await writeFile(join(path, "manifest.json"), files.manifest);
  };
  await write(networks);
  return { path, write };
}

test("a CSV comes back as a CSV, whatever its slices, with the numbers of JSON", async () => {
  const server = await serve({ artifact: opened({}) });
  const xs = Array.from({ length: 1000 }, (_, i) => Math.sin(i) * 5);
  const answer = await csv(server, `id;x\n${xs.map((x, i) => `${i};${x}`).join("\n")}\n`);
  expect(answer.headers["content-type"]).toBe("text/csv; charset=utf-8");
  const [header, ...lines] = answer.body.trimEnd().split("\n");
  expect(header).toBe("row,label,p.no,p.yes,spread");
  const json = await predict(server, { rows: xs.map((x) => ({ x })) });
  expect(lines).toEqual(
    json.map((row, i) => {
      if (!("label" in row)) return "";
      const { no, yes: p } = row.probabilities;
      return `${i},${row.label},${no},${p},${row.spread}`;
    }),
  );
});

test("a CSV that is wrong is refused, naming line and column", async () => {
  const server = await serve({ artifact: opened({}), limits: { csvRecord: 1000 } });
  for (const [text, message] of [
    ["", "body must be CSV with a header row"],
    ["x\n", "CSV with rows below its header"],
    ["y\n1\n", "given with a value for the input x"],
    ["x\n1\nno\n", "body:3 column x must be a number"],
    ["x\nNaN\n", "must be finite"],
    ["x,y\n1\n", "body:2 must be a row of 2 cells"],
    ['x\n"1\n', "a CSV record"],
    [`x\n${"1,".repeat(1e6)}1\n`, "body"],
    [`${"c,".repeat(1e6)}x\n`, "body"],
  ] as const) {
    const answer = await csv(server, text);
    expect(answer.statusCode).toBe(400);
    expect(ErrorAnswer.parse(answer.json()).error.message).toContain(message);
  }
  const latin = await server.inject({
    method: "POST",
    url: "/predict",
    payload: Buffer.from("x\n\u00e9\n", "latin1"),
    headers: { "content-type": "text/csv" },
  });
  expect(ErrorAnswer.parse(latin.json()).error.message).toContain("text in UTF-8");
});

test("sets, intervals, abstention and coverage, in JSON and CSV", async () => {
  const set = { set: { coverage: 0.9, rows: 50, score: "threshold", limit: 0.6 } } as const;
  const server = await serve({ artifact: opened({ conformal: set }), abstain: 0.7 });
  const [even, sure] = await predict(server, { rows: [{ x: 0 }, { x: 6 }] });
  expect(even).toMatchObject({ label: null, abstained: true, set: ["no", "yes"] });
  expect(sure).toMatchObject({ label: "yes", abstained: false, set: ["yes"] });
  const body = { rows: [{ x: 0 }], abstain: 0.5, coverage: 0.9 };
  expect(await predict(server, body)).toMatchObject([{ label: "no", abstained: false }]);
  const wrong = await server.inject({
    method: "POST",
    url: "/predict?coverage=0.8",
    payload: { rows: [{ x: 0 }] },
  });
  expect(ErrorAnswer.parse(wrong.json()).error.message).toContain("coverage must be 0.9");
  const table = await csv(server, "x\n0\n6\n", "/predict?members=true");
  const [header, first] = table.body.split("\n");
  expect(header).toBe(
    "row,label,p.no,p.yes,spread,set,abstained,member_0.no,member_0.yes,member_1.no,member_1.yes",
  );
  expect(first).toBe("0,no,0.5,0.5,0,no|yes,true,0.5,0.5,0.5,0.5");

  const score = "absolute" as const;
  const scores = {
    values: [
      [0, 1, 3, 9],
      [0, 0, 1, 4],
    ],
  };
  const radius = { interval: { coverage: 0.6, rows: 4, score, radius: [3, 1], scores } };
  const values = opened({ preprocessing: care, conformal: radius }, careNetworks);
  const other = await serve({ artifact: values });
  expect(await predict(other, { rows: [patient], abstain: 50 })).toMatchObject([
    { interval: { cost: [169.5, 175.5], days: [0.25, 2.25] }, abstained: true },
  ]);
  expect(await predict(other, { rows: [patient], coverage: 0.8 })).toMatchObject([
    { interval: { cost: [163.5, 181.5], days: [-2.75, 5.25] } },
  ]);
  const wide = await csv(other, "age,smoker,region\n52,true,south\n", "/predict?coverage=0.8");
  expect(wide.body.split("\n")[1]).toContain("163.5,181.5");
  const most = await other.inject({
    method: "POST",
    url: "/predict?coverage=0.81",
    payload: { rows: [patient] },
  });
  expect(ErrorAnswer.parse(most.json()).error.message).toContain(
    "coverage must be above 0 and at most 0.8, by the 4 rows behind it, got 0.81",
  );
});

test("models by name and version; a reload takes all artifacts or none", async () => {
  const { path, write } = await folderWith(yes);
  const server = await serve({ artifact: [path, opened({ name: "other" })] });
  const { models } = (await server.inject("/models")).json();
  expect(models).toMatchObject([{ name: "tiny" }, { name: "other" }]);
  const [{ version }] = models;
  const at = (url: string) => server.inject({ method: "POST", url, payload: { rows: [{ x: 2 }] } });
  const before = (await at("/predict")).json();
  expect((await at("/models/other/predict")).json()).toEqual(before);
  expect((await at(`/models/tiny/versions/${version}/predict`)).json()).toEqual(before);
  expect((await at("/models/none/predict")).statusCode).toBe(404);

  await writeFile(join(path, "weights.safetensors"), "damaged");
  const refused = await server.inject({ method: "POST", url: "/reload" });
  expect(refused.statusCode).toBe(409);
  expect(ErrorAnswer.parse(refused.json()).error.code).toBe("artifact");
  expect((await at("/predict")).json()).toEqual(before);

  await write([Float32Array.of(0, 3, 0, 0)]);
  const during = Array.from({ length: 20 }, () => at("/predict"));
  const reloaded = await server.inject({ method: "POST", url: "/reload" });
  expect(reloaded.json().models[0].version).not.toBe(version);
  for (const answer of await Promise.all(during)) expect(answer.statusCode).toBe(200);
  expect((await at("/predict")).json()).not.toEqual(before);
  expect((await at(`/models/tiny/versions/${version}/predict`)).statusCode).toBe(404);
});

test("requests at once are predicted together, to the same bits", async () => {
  const artifact = opened({});
  const server = await serve({ artifact });
  await server.listen({ port: 0 });
  const xs = Array.from({ length: 40 }, (_, i) => i / 7 - 3);
  const together = await Promise.all(xs.map((x) => predict(server, { rows: [{ x }] })));
  const alone = await predict(server, { rows: xs.map((x) => ({ x })) });
  expect(together.flat()).toEqual(alone);
  const { body } = await server.inject("/metrics");
  expect(Number(/manyfold_batch_rows_count (\d+)/.exec(body)?.[1])).toBeLessThan(40);
  expect(body).toContain('manyfold_rows_total{model="tiny"} 80');
});

test("threads give the same bits", async () => {
  const { path } = await folderWith(yes);
  const rows = Array.from({ length: 700 }, (_, i) => ({ x: Math.cos(i) }));
  const plain = await predict(await serve({ artifact: path }), { rows, members: true });
  const threaded = await serve({ artifact: path, threads: 1 });
  expect(await predict(threaded, { rows, members: true })).toEqual(plain);
});

test("a token, a rate, a description, readiness", async () => {
  const server = await serve({ artifact: opened({}), token: "s3cret", limits: { perMinute: 4 } });
  const none = await server.inject("/model");
  expect(none.statusCode).toBe(401);
  expect(none.headers["www-authenticate"]).toBe("Bearer");
  expect(ErrorAnswer.parse(none.json()).error.path).toBe("authorization");
  expect((await server.inject("/readyz")).json()).toEqual({ status: "ready" });
  const headers = { authorization: "Bearer s3cret" };
  const docs = await server.inject({ url: "/docs/json", headers });
  expect(Object.keys(docs.json().paths)).toContain("/models/{name}/predict");
  expect(docs.body).toContain("Each member's own prediction too.");
  const statuses = [];
  for (let i = 0; i < 6; i++) {
    statuses.push((await server.inject({ url: "/model", headers })).statusCode);
  }
  expect(statuses).toContain(429);
});
