import { Readable } from "node:stream";
import { encodeRows, inputsFromRecords } from "@manyfold/data";
import { requireCoverage, withCoverage } from "@manyfold/ensemble";
import { ManyfoldError, type EnsembleManifest, type FittedTarget } from "@manyfold/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { AnyAnswer, rowAnswers, type PredictAnswer } from "./answer.ts";
import type { Catalogue, Served, Wanted } from "./catalogue.ts";
import { requestError } from "./complaint.ts";
import { predictCsv } from "./csv.ts";
import { ErrorAnswer, Refused } from "./failure.ts";
import type { Limits } from "./limits.ts";
import type { Measures } from "./metrics.ts";
import { ModelAnswer } from "./model.ts";
import { renderPage } from "./page.ts";
import type { Pool } from "./pool.ts";
import { predictSlices } from "./predicting.ts";
import { AnyRequest, Query, type PredictRequest } from "./request.ts";

/** What the addresses answer from. */
export interface Service {
  readonly catalogue: Catalogue;
  readonly pool: Pool | null;
  readonly limits: Limits;
  readonly measures: Measures;
  /** Threshold where a request names none. */
  readonly abstain: number | undefined;
}

const errors = { "4xx": ErrorAnswer, "5xx": ErrorAnswer };
const Named = z.object({ name: z.string() });
const Versioned = Named.extend({ version: z.string() });
const ModelsAnswer = z.strictObject({
  models: z.array(z.strictObject({ name: z.string(), version: z.string(), members: z.int() })),
});

/** Registers every address of the server. */
export function addRoutes(app: FastifyInstance, service: Service): void {
  const { catalogue, measures } = service;
  const json = (reply: FastifyReply, text: string) =>
    reply.type("application/json; charset=utf-8").send(text);

  const predict = (request: FastifyRequest, reply: FastifyReply) =>
    answerPrediction(service, request, reply);
  const predicting = {
    summary: "Predict rows",
    description:
      "Rows as JSON, or as text/csv, which streams through and comes back as CSV. For CSV the settings stand behind the question mark.",
    tags: ["predict"],
    querystring: Query,
    body: AnyRequest,
    consumes: ["application/json", "text/csv"],
    response: { 200: AnyAnswer, ...errors },
  };
  app.post("/predict", { schema: predicting }, predict);
  app.post("/models/:name/predict", { schema: { ...predicting, params: Named } }, predict);
  app.post(
    "/models/:name/versions/:version/predict",
    { schema: { ...predicting, params: Versioned } },
    predict,
  );

  const model = async (request: FastifyRequest, reply: FastifyReply) =>
    json(reply, catalogue.find(request.params as Wanted).model);
  const describing = {
    summary: "What the artifact is: inputs, target, members, scores, analysis",
    tags: ["models"],
    response: { 200: ModelAnswer, ...errors },
  };
  app.get("/model", { schema: describing }, model);
  app.get("/models/:name", { schema: { ...describing, params: Named } }, model);
  app.get(
    "/models/:name/versions/:version",
    { schema: { ...describing, params: Versioned } },
    model,
  );

  const page = async (request: FastifyRequest, reply: FastifyReply) => {
    const { files, name } = catalogue.find(request.params as Wanted);
    if (files === null) {
      throw new Refused(404, {
        code: "usage",
        path: "page",
        condition: "of an artifact that was read from a folder",
      });
    }
    return reply.type("text/html; charset=utf-8").send(await renderPage({ name, ...files }));
  };
  const paging = { summary: "A page that predicts in the browser", tags: ["models"] };
  app.get("/", { schema: paging }, page);
  app.get("/models/:name/page", { schema: { ...paging, params: Named } }, page);

  const listing = { tags: ["models"], response: { 200: ModelsAnswer, ...errors } };
  const list = (models: readonly Served[]) => ({
    models: models.map(({ name, version, ensemble }) => ({
      name,
      version,
      members: ensemble.manifest.members.length,
    })),
  });
  app.get("/models", { schema: { ...listing, summary: "All artifacts" } }, async (_, reply) =>
    json(reply, JSON.stringify(list(catalogue.all()))),
  );
  const reloading = { ...listing, summary: "Read the artifacts anew: all of them, or none" };
  app.post("/reload", { schema: reloading }, async (_, reply) =>
    json(reply, JSON.stringify(list(await reload(service)))),
  );

  const state = (status: string) => ({
    tags: ["operations"],
    response: { 200: z.strictObject({ status: z.literal(status) }), ...errors },
  });
  app.get("/healthz", { schema: state("ok") }, async () => ({ status: "ok" }));
  app.get("/readyz", { schema: state("ready") }, async () => ({ status: "ready" }));
  const counting = { tags: ["operations"], summary: "Figures for Prometheus" };
  app.get("/metrics", { schema: counting }, async (_, reply) =>
    reply.type(measures.contentType).send(await measures.text()),
  );
}

/** Reads the artifacts anew; what is served stays as it is where one cannot be opened. */
export async function reload({ catalogue, measures }: Service): Promise<readonly Served[]> {
  try {
    const models = await catalogue.reload();
    measures.reload(true);
    measures.models(models.length);
    return models;
  } catch (error) {
    measures.reload(false);
    if (error instanceof ManyfoldError) throw new Refused(409, error.complaint);
    throw error;
  }
}

async function answerPrediction(service: Service, request: FastifyRequest, reply: FastifyReply) {
  const { pool, limits, measures } = service;
  const served = service.catalogue.find(request.params as Wanted);
  const query = queryOf(request.query);
  const onRows = (rows: number) => measures.rows(served.name, rows);
  if (request.body instanceof Readable) {
    const { coverage } = query;
    if (coverage !== undefined) requireCoverage(served.ensemble.manifest.conformal, coverage);
    const abstain = query.abstain ?? service.abstain;
    const asked = { members: query.members === "true", abstain, coverage };
    const pieces = predictCsv(request.body, served, { pool, asked, limits, onRows });
    // What is wrong with the first rows is answered as an error; a later one ends the connection.
    const first = await pieces.next().catch((error: unknown) => {
      void reply.header("connection", "close");
      throw error;
    });
    const all = async function* () {
      if (first.done !== true) yield first.value;
      yield* pieces;
    };
    return reply.type("text/csv; charset=utf-8").send(Readable.from(all()));
  }
  const body = bodyOf(request.body, served, limits);
  const coverage = query.coverage ?? body.coverage;
  if (coverage !== undefined) requireCoverage(served.ensemble.manifest.conformal, coverage);
  const asked = {
    coverage,
    members: query.members === undefined ? body.members : query.members === "true",
    abstain: query.abstain ?? body.abstain ?? service.abstain,
  };
  const { manifest } = served.ensemble;
  const { preprocessing } = manifest;
  requireSize(body.rows.length * numbersPerRow(manifest, asked.members), limits);
  const deadline = performance.now() + limits.milliseconds;
  const x = body.x ?? encodeRows(preprocessing, inputsFromRecords(preprocessing, body.rows));
  const predictions: PredictAnswer["predictions"] = [];
  for await (const part of predictSlices(served, pool, x, asked.members)) {
    const own = { ...part, prediction: withCoverage(manifest, part.prediction, coverage) };
    for (const row of rowAnswers(preprocessing, own, predictions.length, asked)) {
      predictions.push(row);
    }
    if (predictions.length === body.rows.length) break;
    // An answer that nobody waits for ends here.
    if (reply.raw.destroyed || performance.now() > deadline) throw tooSlow(limits);
  }
  onRows(body.rows.length);
  return reply
    .type("application/json; charset=utf-8")
    .send(JSON.stringify({ predictions } satisfies PredictAnswer));
}

/** A request, and its rows' inputs where they are known already. */
interface Body extends PredictRequest {
  readonly x?: Float32Array;
}

function bodyOf(body: unknown, { schema, encode, ensemble }: Served, limits: Limits): Body {
  const rows = rowsAlone(body);
  if (rows !== null && rows.length > 0 && rows.length <= limits.rows) {
    const x = encode(rows);
    if (x !== null) return { rows: rows as PredictRequest["rows"], members: false, x };
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw requestError(parsed.error, body, ensemble.manifest.preprocessing, limits);
}

/** The rows of a request that asks for nothing else, not looked at yet; the most frequent one. */
function rowsAlone(body: unknown): readonly unknown[] | null {
  if (typeof body !== "object" || body === null || !("rows" in body)) return null;
  return Array.isArray(body.rows) && Object.keys(body).length === 1 ? body.rows : null;
}

function queryOf(query: unknown): Query {
  const parsed = Query.safeParse(query);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const key = issue?.code === "unrecognized_keys" ? issue.keys[0] : issue?.path[0];
  throw new ManyfoldError({
    code: "input",
    path: `?${String(key ?? "").slice(0, 80)}`,
    condition: "members=true or false, abstain=NUMBER, or coverage=NUMBER between 0 and 1",
  });
}

function numbersPerRow({ preprocessing, members }: EnsembleManifest, wantMembers: boolean): number {
  const { target, heads = [] } = preprocessing;
  const columns = (own: FittedTarget): number =>
    own.task === "classification" ? own.classes.length : own.columns.length;
  const further = heads.reduce((total, head) => total + columns(head), 0);
  return columns(target) * (wantMembers ? members.length + 1 : 1) + further;
}

function requireSize(numbers: number, limits: Limits): void {
  if (numbers <= limits.numbers) return;
  throw new ManyfoldError({
    code: "input",
    path: "rows",
    condition: `few enough that the answer has at most ${limits.numbers} numbers`,
    got: `${numbers}`,
    help: "Send the rows in several requests, or as CSV, or leave the members out.",
  });
}

function tooSlow({ milliseconds }: Limits): ManyfoldError {
  return new ManyfoldError({
    code: "environment",
    path: "rows",
    condition: `few enough to be predicted within ${milliseconds} ms`,
    help: "Send the rows in several requests, or as CSV.",
  });
}
