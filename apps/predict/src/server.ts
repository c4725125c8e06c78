import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { ManyfoldError } from "@manyfold/protocol";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { jsonSchemaTransform, serializerCompiler } from "fastify-type-provider-zod";
import { openCatalogue, type Artifact } from "./catalogue.ts";
import { failureOf } from "./failure.ts";
import { drainOnClose, limitRate, rawAnswer, requireArrival, requireToken } from "./guards.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { createMeasures } from "./metrics.ts";
import { openPool } from "./pool.ts";
import { addRoutes, reload, type Service } from "./routes.ts";

export interface PredictServerOptions {
  /** Folders of artifacts, or ensembles opened already; the first is the one without a name. */
  readonly artifact: Artifact | readonly Artifact[];
  /** Writes every request to stderr, a line of JSON each; otherwise only failures of ours. */
  readonly logger?: boolean;
  /** Limits that differ from {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<Limits>;
  /** Threads for requests of many rows (default 0: these take turns with the others). */
  readonly threads?: number;
  /** What `Authorization: Bearer` has to say (default: anyone may ask). */
  readonly token?: string | undefined;
  /** Least probability of a label, or largest spread of a value, where a request names none. */
  readonly abstain?: number | undefined;
  /** Whether `/metrics` has the process's memory and event loop too (default false). */
  readonly processMetrics?: boolean;
}

/** A server that is not listening yet, and what starts its artifacts anew. */
interface Created {
  readonly app: FastifyInstance;
  readonly service: Service;
}

/**
 * A server over artifacts, not listening yet: `inject` requests into it, or `listen`.
 *
 * `POST /predict` predicts rows, `GET /model` tells what the artifact is, `GET /docs` describes the
 * rest. Errors of every kind have the form `{ status: "error", error }`.
 *
 * @throws ManyfoldError `artifact` or `input` for a folder that holds no artifact we can read
 *
 * @example
 * const server = await createPredictServer({ artifact: "runs/latest/artifact" });
 * const { statusCode } = await server.inject("/healthz"); // 200
 */
export async function createPredictServer(options: PredictServerOptions): Promise<FastifyInstance> {
  return (await create(options)).app;
}

async function create(options: PredictServerOptions): Promise<Created> {
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const measures = createMeasures({ process: options.processMetrics === true });
  const { artifact, threads = 0, token } = options;
  const artifacts = Array.isArray(artifact) ? artifact : [artifact as Artifact];
  const catalogue = await openCatalogue(artifacts, limits, measures.batch);
  measures.models(catalogue.all().length);
  const pool = threads > 0 ? openPool(threads) : null;
  const app = createApp(options, limits);
  drainOnClose(app, limits);
  if (token !== undefined) requireToken(app, token);
  if (limits.perMinute !== null) await limitRate(app, limits.perMinute);
  requireArrival(app, limits);
  if (pool !== null) app.addHook("onClose", () => pool.close());
  app.addHook("onResponse", async ({ method, routeOptions }, reply) => {
    const labels = { method, route: routeOptions.url ?? "none", status: reply.statusCode };
    measures.request(labels, reply.elapsedTime / 1000);
  });
  const service: Service = {
    catalogue,
    pool,
    limits,
    measures,
    abstain: options.abstain,
  };
  await describe(app, token !== undefined);
  addRoutes(app, service);
  await app.ready();
  return { app, service };
}

/** Fastify with our limits, and errors in our form. */
function createApp({ logger }: PredictServerOptions, limits: Limits): FastifyInstance {
  const { milliseconds, csvMilliseconds } = limits;
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const { method, url, headers } = request;
    const about = { method, url, contentType: headers["content-type"] };
    const { status, answer } = failureOf(error, about, limits);
    if (status === 500) request.log.error(error);
    void reply.code(status).type("application/json; charset=utf-8").send(JSON.stringify(answer));
  };
  const app = fastify({
    logger: { level: logger === true ? "info" : "error", stream: process.stderr },
    bodyLimit: limits.bodyBytes,
    routerOptions: { maxParamLength: 200 },
    // What streams through may take its time; for the others see `requireArrival`...
    requestTimeout: Math.max(milliseconds, csvMilliseconds),
    http: {
      requestTimeout: Math.max(milliseconds, csvMilliseconds),
      headersTimeout: milliseconds,
      connectionsCheckingInterval: Math.ceil(milliseconds / 8),
    },
    // ...and a client that neither sends nor reads is let go.
    connectionTimeout: 2 * milliseconds,
    // Answered by a hook, in the one form of errors.
    return503OnClosing: false,
    frameworkErrors: fail,
    clientErrorHandler(error, socket) {
      if (error.code === "ECONNRESET" || !socket.writable) return;
      const about = { method: "", url: "", contentType: undefined };
      socket.end(rawAnswer(failureOf({ statusCode: 400, code: error.code }, about, limits)));
    },
  });
  app.removeContentTypeParser("text/plain");
  app.addContentTypeParser("text/csv", (_request, payload, done) => done(null, payload));
  app.setErrorHandler(fail);
  app.setNotFoundHandler((request, reply) => fail({ code: "FST_ERR_NOT_FOUND" }, request, reply));
  app.setSerializerCompiler(serializerCompiler);
  // Schemas of the artifact that is asked are read in the handlers; these here describe.
  app.setValidatorCompiler(() => (value: unknown) => ({ value }));
  return app;
}

/** `GET /docs`: the OpenAPI description, made of the schemas, on a page without anything foreign. */
async function describe(app: FastifyInstance, secured: boolean): Promise<void> {
  const security = secured
    ? {
        components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } as const } },
        security: [{ bearer: [] }],
      }
    : {};
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Manyfold",
        version: "1",
        description: "Predictions of ensembles of neural networks, with their spread.",
      },
      ...security,
    },
    transform: jsonSchemaTransform,
  });
  await app.register(swaggerUi, { routePrefix: "/docs" });
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
  /** Reads the artifacts anew: all of them, or none. */
  reload(): Promise<void>;
  /** Refuses new requests, answers those it has, then closes; safe to call twice. */
  close(): Promise<void>;
}

/**
 * Serves artifacts over HTTP.
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
  const { app, service } = await create(options);
  try {
    const url = await app.listen({ port, host });
    return {
      url,
      close: () => app.close(),
      reload: async () => {
        await reload(service);
      },
    };
  } catch (error) {
    await app.close();
    throw cannotListen(error, `${host}:${port}`);
  }
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
