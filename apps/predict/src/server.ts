import { setImmediate as breathe } from "node:timers/promises";
import { STATUS_CODES } from "node:http";
import { ManyfoldError, type EnsembleManifest } from "@manyfold/protocol";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { serializerCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { answerSchema, rowAnswers, type PredictAnswer } from "./answer.ts";
import { requestError } from "./complaint.ts";
import { ErrorAnswer, failureOf, type Failure } from "./failure.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { modelAnswer } from "./model.ts";
import { openEnsemble, predictSlices, type Artifact } from "./predictor.ts";
import { requestSchema } from "./request.ts";

export interface PredictServerOptions {
  /** The folder of an artifact, or an ensemble opened already. */
  readonly artifact: Artifact;
  /** Writes every request to stderr, a line of JSON each; otherwise only failures of ours. */
  readonly logger?: boolean;
  /** Limits that differ from {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<Limits>;
}

/**
 * A server over one artifact, not listening yet: `inject` requests into it, or `listen`.
 *
 * `POST /predict` predicts rows, `GET /model` tells what the artifact is, `GET /healthz` that the
 * server answers. Errors of every kind have the form `{ status: "error", error }`.
 *
 * @throws ManyfoldError `artifact` or `input` for a folder that holds no artifact we can read
 *
 * @example
 * const server = await createPredictServer({ artifact: "runs/latest/artifact" });
 * const { statusCode } = await server.inject("/healthz"); // 200
 */
export async function createPredictServer(options: PredictServerOptions): Promise<FastifyInstance> {
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const ensemble = await openEnsemble(options.artifact);
  const { manifest } = ensemble;
  const { preprocessing } = manifest;
  const { milliseconds } = limits;
  let closing = false;

  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const { method, url, headers } = request;
    const about = { method, url, contentType: headers["content-type"] };
    const { status, answer } = failureOf(error, about, limits);
    if (status === 500) request.log.error(error);
    void reply.code(status).send(answer);
  };

  const app = fastify({
    logger: { level: options.logger === true ? "info" : "error", stream: process.stderr },
    bodyLimit: limits.bodyBytes,
    // A request has to arrive in time, however slowly its client sends...
    requestTimeout: milliseconds,
    http: {
      requestTimeout: milliseconds,
      headersTimeout: milliseconds,
      connectionsCheckingInterval: Math.ceil(milliseconds / 8),
    },
    // ...and a client that neither sends nor reads is let go.
    connectionTimeout: 2 * milliseconds,
    // Answered by the hook below, in the one form of errors.
    return503OnClosing: false,
    frameworkErrors: fail,
    clientErrorHandler(error, socket) {
      if (error.code === "ECONNRESET" || !socket.writable) return;
      const about = { method: "", url: "", contentType: undefined };
      socket.end(rawAnswer(failureOf({ statusCode: 400, code: error.code }, about, limits)));
    },
  });
  app.removeContentTypeParser("text/plain");
  app.setErrorHandler(fail);
  app.setNotFoundHandler((request, reply) => fail({ code: "FST_ERR_NOT_FOUND" }, request, reply));
  app.setSerializerCompiler(serializerCompiler);
  app.setValidatorCompiler<z.ZodType>(({ schema }) => (body: unknown) => {
    const parsed = schema.safeParse(body);
    if (parsed.success) return { value: parsed.data };
    return { error: requestError(parsed.error, body, preprocessing, limits) };
  });

  app.addHook("onRequest", async () => {
    if (!closing) return;
    throw new ManyfoldError({ code: "environment", path: "server", condition: "open to answer" });
  });
  app.addHook("preClose", async () => {
    closing = true;
    const giveUp = setTimeout(() => app.server.closeAllConnections(), milliseconds);
    giveUp.unref();
    app.server.once("close", () => clearTimeout(giveUp));
  });

  const errors = { "4xx": ErrorAnswer, "5xx": ErrorAnswer };
  const typed = app.withTypeProvider<ZodTypeProvider>();

  const schema = {
    body: requestSchema(preprocessing, limits),
    response: { 200: answerSchema(preprocessing.target), ...errors },
  };
  typed.post("/predict", { schema }, async (request, reply): Promise<PredictAnswer> => {
    const { rows, members: wantMembers } = request.body;
    requireSize(rows.length * numbersPerRow(manifest, wantMembers), limits);
    const deadline = performance.now() + milliseconds;
    const predictions: PredictAnswer["predictions"] = [];
    for (const { first, prediction } of predictSlices(ensemble, rows)) {
      const { target } = preprocessing;
      predictions.push(...rowAnswers(target, prediction, { first, wantMembers }));
      if (predictions.length === rows.length) break;
      // Other requests have their turn between slices, and an answer nobody waits for ends here.
      await breathe();
      if (reply.raw.destroyed || performance.now() > deadline) throw tooSlow(limits);
    }
    return { predictions };
  });

  // The same for as long as the server runs, and large: written once.
  const model = JSON.stringify(modelAnswer(manifest));
  app.get("/model", async (_, reply) => reply.type("application/json; charset=utf-8").send(model));

  const health = { response: { 200: z.strictObject({ status: z.literal("ok") }), ...errors } };
  typed.get("/healthz", { schema: health }, async () => ({ status: "ok" as const }));
  return app;
}

export interface StartOptions extends PredictServerOptions {
  /** Port to listen on; 0 picks a free one. */
  readonly port: number;
  /** Address to listen on (default 127.0.0.1: nobody but this machine). */
  readonly host?: string;
}

/** A server that listens. */
export interface PredictServer {
  readonly url: string;
  /** Refuses new requests, answers those it has, then closes; safe to call twice. */
  close(): Promise<void>;
}

/**
 * Serves an artifact over HTTP.
 *
 * @throws ManyfoldError as {@link createPredictServer}; `environment` where the port is taken
 *
 * @example
 * const server = await startPredictServer({ artifact: "runs/latest/artifact", port: 8080 });
 * const model = await (await fetch(`${server.url}/model`)).json();
 * await server.close();
 */
export async function startPredictServer(options: StartOptions): Promise<PredictServer> {
  const { port, host = "127.0.0.1" } = options;
  const app = await createPredictServer(options);
  try {
    const url = await app.listen({ port, host });
    return { url, close: () => app.close() };
  } catch (error) {
    await app.close();
    throw cannotListen(error, `${host}:${port}`);
  }
}

function numbersPerRow({ preprocessing, members }: EnsembleManifest, wantMembers: boolean): number {
  const { target } = preprocessing;
  const outputs = target.task === "classification" ? target.classes.length : target.columns.length;
  return outputs * (wantMembers ? members.length + 1 : 1);
}

function requireSize(numbers: number, limits: Limits): void {
  if (numbers <= limits.numbers) return;
  throw new ManyfoldError({
    code: "input",
    path: "rows",
    condition: `few enough that the answer has at most ${limits.numbers} numbers`,
    got: `${numbers}`,
    help: "Send the rows in several requests, or leave the members out.",
  });
}

function tooSlow({ milliseconds }: Limits): ManyfoldError {
  return new ManyfoldError({
    code: "environment",
    path: "rows",
    condition: `few enough to be predicted within ${milliseconds} ms`,
    help: "Send the rows in several requests.",
  });
}

function cannotListen(error: unknown, address: string): ManyfoldError {
  const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
  return new ManyfoldError({
    code: "environment",
    path: address,
    condition: "an address to listen on",
    got: reason,
    help: reason === "EADDRINUSE" ? "Another program listens there; choose another port." : "",
  });
}

/** An answer where there is no request to answer to. */
function rawAnswer({ status, answer }: Failure): string {
  const body = JSON.stringify(answer);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}
