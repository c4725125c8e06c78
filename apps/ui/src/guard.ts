import { hostname } from "node:os";
import { isIP } from "node:net";
import type { FastifyInstance } from "fastify";

const LOOPBACK: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Whether a request names this server by a name that only this server has.
 *
 * A page of a stranger whose name was pointed to this machine (DNS rebinding) asks under that name.
 * On loopback there are three names; elsewhere numbers, which no stranger's page can have, and the
 * names that the server was started with.
 */
export function isOwnHost(header: string | undefined, host: string): boolean {
  const name = (header ?? "").toLowerCase().replace(/:\d+$/, "");
  if (LOOPBACK.has(name)) return true;
  if (isLoopback(host)) return false;
  const bare = name.replace(/^\[(.*)\]$/, "$1");
  return isIP(bare) !== 0 || bare === host.toLowerCase() || bare === hostname().toLowerCase();
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/** What the page may load: its own program, style and streams. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": POLICY,
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/** Refuses what does not look, and who calls this server by another's name. */
export function guard(app: FastifyInstance, host: string): void {
  app.addHook("onRequest", async (request, reply) => {
    void reply.headers(HEADERS);
    const { method, headers } = request;
    if (method !== "GET" && method !== "HEAD") {
      return refuse(405, "method must be GET or HEAD, got another.\nThis page only looks.");
    }
    if (!isOwnHost(headers.host, host)) {
      return refuse(
        403,
        "host must be a name of this server, got another.\nOpen it by the address that manyfold ui printed.",
      );
    }
    async function refuse(status: number, message: string) {
      const path = status === 405 ? "method" : "host";
      const error = { code: "usage", message, path };
      return reply.code(status).send({ status: "error", error });
    }
  });
}
