import { createHash, timingSafeEqual } from "node:crypto";
import { STATUS_CODES } from "node:http";
import rateLimit from "@fastify/rate-limit";
import { ManyfoldError } from "@manyfold/protocol";
import type { FastifyInstance } from "fastify";
import { failureOf, Refused, type Failure } from "./failure.ts";
import type { Limits } from "./limits.ts";

/** Addresses that answer without a token: whoever asks for them restarts machines, and has none. */
const OPEN: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

/** Refuses requests without the token, in a time that tells nothing of it. */
export function requireToken(app: FastifyInstance, token: string): void {
  const expected = digest(`Bearer ${token}`);
  app.addHook("onRequest", async (request, reply) => {
    if (OPEN.has(request.routeOptions.url ?? "")) return;
    if (timingSafeEqual(digest(request.headers.authorization ?? ""), expected)) return;
    void reply.header("www-authenticate", "Bearer");
    throw new Refused(401, {
      code: "usage",
      path: "authorization",
      condition: "Bearer and the token that the server was started with",
    });
  });
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Refuses the requests of an address beyond so many a minute. */
export async function limitRate(app: FastifyInstance, perMinute: number): Promise<void> {
  await app.register(rateLimit, {
    max: perMinute,
    timeWindow: 60_000,
    errorResponseBuilder: (_, { after }) =>
      new Refused(429, {
        code: "usage",
        path: "request",
        condition: `one of at most ${perMinute} a minute`,
        help: `Go on in ${after}.`,
      }),
  });
}

/** Lets go of a client whose body does not arrive in time; what streams through has its own limit. */
export function requireArrival(app: FastifyInstance, limits: Limits): void {
  app.addHook("onRequest", async (request) => {
    const { raw } = request;
    if (raw.method !== "POST" || isCsv(request.headers["content-type"])) return;
    const timer = setTimeout(() => {
      const about = { method: "", url: "", contentType: undefined };
      const late = failureOf({ code: "ERR_HTTP_REQUEST_TIMEOUT" }, about, limits);
      raw.socket.end(rawAnswer(late));
    }, limits.milliseconds);
    const arrived = () => clearTimeout(timer);
    raw.once("end", arrived).once("close", arrived);
  });
}

function isCsv(contentType: string | undefined): boolean {
  return /^text\/csv\b/i.test(contentType ?? "");
}

/**
 * From the moment it closes, the server refuses requests, answers those it has, and waits no longer
 * than its limit.
 */
export function drainOnClose(app: FastifyInstance, { milliseconds }: Limits): void {
  let closing = false;
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
}

/** An answer where there is no request to answer to. */
export function rawAnswer({ status, answer }: Failure): string {
  const body = JSON.stringify(answer);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}
