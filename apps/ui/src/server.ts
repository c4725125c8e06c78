import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ManyfoldError } from "@manyfold/protocol";
import { fastify, type FastifyInstance, type FastifyReply } from "fastify";
import { followFolder, type KnownRun, type RunsFolder } from "./folder.ts";
import { guard } from "./guard.ts";
import { loadPage, PAGE } from "./page.ts";
import type { RunEvent, RunsEvent, RunSummary } from "./rows.ts";
import { openStream, type EventStream } from "./stream.ts";

/** Rows of one event: a large run arrives in pieces, between which the page can draw. */
const ROWS = 400;
/** Time between two looks at the folder while somebody watches. */
const LOOK_MILLISECONDS = 400;

export interface UiOptions {
  /** Folder of run folders; it need not be there yet. */
  readonly folder: string;
  /** Port to listen on; 0 picks a free one. */
  readonly port: number;
  /** Address to listen on (default 127.0.0.1: nobody but this machine). */
  readonly host?: string;
}

export interface UiServer {
  readonly url: string;
  /** Ends all streams and stops listening; safe to call twice. */
  close(): Promise<void>;
}

/** Somebody who watches: told what is new after each look. */
interface Watcher {
  readonly stream: EventStream;
  readonly tell: () => void;
}

/**
 * Serves a page that follows the runs of a folder while other processes write them. It only reads.
 *
 * @throws ManyfoldError `environment` where the port is taken
 *
 * @example
 * const server = await startUi({ folder: "runs", port: 8090 });
 */
export async function startUi({ folder, port, host = "127.0.0.1" }: UiOptions): Promise<UiServer> {
  const parts = await loadPage();
  const runs = followFolder(folder);
  const watchers = new Set<Watcher>();
  const app = fastify({ logger: false, forceCloseConnections: true });
  guard(app, host);

  const tellAll = () => {
    for (const watcher of watchers) if (watcher.stream.isReady()) watcher.tell();
  };
  let looking = false;
  const look = async () => {
    if (looking || watchers.size === 0) return;
    looking = true;
    // A folder that cannot be read now may be at the next look.
    await runs.refresh(tellAll).catch(() => undefined);
    looking = false;
    tellAll();
  };
  const timer = setInterval(() => void look(), LOOK_MILLISECONDS);
  const watch = (reply: FastifyReply, tellOf: (stream: EventStream) => () => void) => {
    const stream = openStream(reply, () => watchers.delete(watcher));
    const watcher: Watcher = { stream, tell: tellOf(stream) };
    watchers.add(watcher);
    void look();
  };

  app.get("/", (_request, reply) => reply.type("text/html; charset=utf-8").send(PAGE));
  app.get("/page.js", (_request, reply) =>
    reply.type("text/javascript; charset=utf-8").send(parts.script),
  );
  app.get("/page.css", (_request, reply) =>
    reply.type("text/css; charset=utf-8").send(parts.style),
  );
  app.get("/api/runs", (_request, reply) => {
    watch(reply, (stream) => listTeller(runs, stream));
  });
  app.get<{ Params: { id: string } }>("/api/runs/:id", (request, reply) => {
    const from = String(request.headers["last-event-id"] ?? "");
    watch(reply, (stream) => runTeller(runs, request.params.id, from, stream));
  });
  addReport(app, runs);
  app.setNotFoundHandler((_request, reply) => notFound(reply));
  app.addHook("preClose", async () => clearInterval(timer));

  try {
    const url = await app.listen({ port, host });
    return { url, close: () => app.close() };
  } catch (error) {
    clearInterval(timer);
    await app.close();
    throw cannotListen(error, `${host}:${port}`);
  }
}

/** A finished run's report, as it lies in its folder; it brings its own rules of what it may load. */
function addReport(app: FastifyInstance, runs: RunsFolder): void {
  app.get<{ Params: { id: string } }>("/runs/:id/report.html", async (request, reply) => {
    await runs.refresh();
    // A name of the folder's own list: no path leads out of it.
    const run = runs.get(request.params.id);
    const page = run && (await readFile(join(run.path, "report.html")).catch(() => undefined));
    if (page === undefined) return notFound(reply);
    void reply.header(
      "content-security-policy",
      "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    );
    return reply.type("text/html; charset=utf-8").send(page);
  });
}

function notFound(reply: FastifyReply) {
  const message =
    "url must be one of this server's, got another.\nThe page is at /, a run's report at /runs/RUN/report.html.";
  const error = { code: "usage", message, path: "url" };
  return reply.code(404).send({ status: "error", error });
}

/** Tells of the runs that changed since it told last, and of those that went. */
function listTeller(runs: RunsFolder, stream: EventStream): () => void {
  const told = new Map<string, string>();
  let first = true;
  return () => {
    const changed: RunSummary[] = [];
    const all = runs.all();
    for (const { id, view } of all) {
      const summary = view.summary();
      const text = JSON.stringify(summary);
      if (!summary || told.get(id) === text) continue;
      told.set(id, text);
      changed.push(summary);
    }
    const there = new Set(all.map(({ id }) => id));
    const gone = [...told.keys()].filter((id) => !there.has(id));
    for (const id of gone) told.delete(id);
    if (!first && changed.length === 0 && gone.length === 0) return;
    const event: RunsEvent = { reset: first, runs: changed, gone };
    first = false;
    stream.send("runs", event);
  };
}

/**
 * Tells of a run's rows that changed since it told last; `from` is the id of the last event that a
 * reader has had, from an earlier connection.
 */
function runTeller(runs: RunsFolder, id: string, from: string, stream: EventStream): () => void {
  const [oldEpoch = "", oldPlace = ""] = from.split("-");
  let epoch = Number(oldEpoch || Number.NaN);
  let place = Number(oldPlace || 0);
  let gone = false;
  const tellOf = (run: KnownRun) => {
    gone = false;
    let reset = run.epoch !== epoch || place > run.view.changes.length;
    if (reset) [epoch, place] = [run.epoch, 0];
    const { changes } = run.view;
    while (stream.isReady() && (reset || place < changes.length)) {
      const { rows, next } = changes.since(place, ROWS);
      place = next;
      const event: RunEvent = { reset, rows, left: changes.length - next };
      reset = false;
      stream.send("rows", event, `${epoch}-${place}`);
    }
  };
  return () => {
    const run = runs.get(id);
    if (run) tellOf(run);
    else if (!gone) {
      gone = true;
      epoch = Number.NaN;
      stream.send("gone", {});
    }
  };
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
