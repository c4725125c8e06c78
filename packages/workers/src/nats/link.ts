import {
  jetstream,
  JetStreamApiError,
  jetstreamManager,
  JetStreamError,
  type JetStreamClient,
  type JetStreamManager,
} from "@nats-io/jetstream";
import {
  connect,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  type NodeConnectionOptions,
} from "@nats-io/transport-node";
import { ManyfoldError, type Timers } from "@manyfold/protocol";
import { randomUUID } from "node:crypto";
import { messageOf } from "../outcome.ts";

/** Who one is; never part of a configuration, and never logged. */
export interface Credentials {
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** The seed of an nkey: the server knows its public half alone. */
  readonly nkey?: Uint8Array;
  /** The content of a creds file. */
  readonly creds?: Uint8Array;
  /** Path of the certificate authority of a server with TLS. */
  readonly authority?: string;
}

export interface LinkOptions {
  readonly servers: readonly string[];
  readonly credentials?: Credentials;
  /** Shown by the server's own tools. */
  readonly name: string;
  /**
   * First token of this connection's inboxes (default `_INBOX`): with another one for workers, their
   * rights need not include the reading of a coordinator's answers.
   */
  readonly inboxes?: string;
  readonly timers: Timers;
}

/** A connection that comes back by itself, and what may be sent over it when. */
export interface Link {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly timers: Timers;
  /** Prefix of this connection's own inboxes. */
  readonly inbox: string;
  readonly up: boolean;
  /**
   * Asks again until there is an answer: waits while the link is down, gives up on an answer when it
   * goes down. What the server refuses, and a closed link, are errors.
   */
  ask<Answer>(request: () => Promise<Answer>): Promise<Answer>;
  /** Calls back after each reconnect, until the returned function is called. */
  onReconnect(callback: () => void): () => void;
  /** Calls back when the link goes down. */
  onDown(callback: () => void): () => void;
  close(): Promise<void>;
}

const OLDEST = [2, 9, 4] as const;
/** Milliseconds of an API request, and of the pause before it is asked again. */
const TIMEOUT = 5000;
const PAUSE = 100;

/**
 * Connects to a server with JetStream.
 *
 * @throws ManyfoldError (`environment`) where there is none, it refuses, or it is too old
 */
export async function openLink(options: LinkOptions): Promise<Link> {
  const { servers, name, timers, credentials = {}, inboxes = "_INBOX" } = options;
  const inbox = `${inboxes}.${randomUUID().replaceAll("-", "")}`;
  const nc = await connect({
    ...identity(credentials),
    name,
    servers: [...servers],
    inboxPrefix: inbox,
    // The defaults give up after ten tries, and notice a cut link after minutes.
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 100,
    pingInterval: 5000,
    maxPingOut: 2,
    timeout: TIMEOUT,
  }).catch((error: unknown) => {
    throw unreachable(servers, error);
  });
  try {
    requireVersion(nc.info?.version ?? "");
    const jsm = await jetstreamManager(nc, { timeout: TIMEOUT, checkAPI: true });
    const js = jetstream(nc, { timeout: TIMEOUT });
    return linkOver(nc, js, jsm, timers, inbox);
  } catch (error) {
    await nc.close();
    throw error instanceof ManyfoldError ? error : withoutJetStream(servers, error);
  }
}

function identity({
  user,
  password,
  token,
  nkey,
  creds,
  authority,
}: Credentials): NodeConnectionOptions {
  const seed = nkey && new TextEncoder().encode(new TextDecoder().decode(nkey).trim());
  return {
    ...(user !== undefined && { user, pass: password ?? "" }),
    ...(token !== undefined && { token }),
    ...(seed && { authenticator: nkeyAuthenticator(seed) }),
    ...(creds && { authenticator: credsAuthenticator(creds) }),
    ...(authority !== undefined && { tls: { caFile: authority } }),
  };
}

function linkOver(
  nc: NatsConnection,
  js: JetStreamClient,
  jsm: JetStreamManager,
  timers: Timers,
  inbox: string,
): Link {
  let up = true;
  const downs = new Set<() => void>();
  const ups = new Set<() => void>();
  const watch = async () => {
    // What is published while the link is down is thrown away: so nothing is.
    for await (const { type } of nc.status()) {
      if (type === "disconnect") {
        up = false;
        for (const callback of downs) callback();
      } else if (type === "reconnect") {
        up = true;
        for (const callback of ups) callback();
      }
    }
    up = false;
    for (const callback of [...ups, ...downs]) callback();
  };
  void watch();

  const listen = (set: Set<() => void>, callback: () => void) => {
    set.add(callback);
    return () => {
      set.delete(callback);
    };
  };
  const connected = async () => {
    while (!up && !nc.isClosed()) {
      await new Promise<void>((resolve) => {
        const forget = listen(ups, () => {
          forget();
          resolve();
        });
      });
    }
    if (nc.isClosed()) throw closed();
  };
  const orDown = <Answer>(answer: Promise<Answer>) =>
    new Promise<Answer>((resolve, reject) => {
      const forget = listen(downs, () => {
        forget();
        reject(new Error("disconnected"));
      });
      answer.then(resolve, reject).finally(forget);
    });

  return {
    nc,
    js,
    jsm,
    timers,
    inbox,
    get up() {
      return up;
    },
    async ask(request) {
      for (;;) {
        await connected();
        try {
          return await orDown(request());
        } catch (error) {
          if (nc.isClosed()) throw closed();
          if (isRefusal(error)) throw error;
        }
        await timers.sleep(PAUSE);
      }
    },
    onReconnect: (callback) => listen(ups, callback),
    onDown: (callback) => listen(downs, callback),
    close: () => nc.close(),
  };
}

/** The server's number for a refusal, else undefined. */
export function refusalCode(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}

/** Refusals that asking again would only repeat. */
function isRefusal(error: unknown): boolean {
  if (error instanceof JetStreamApiError) {
    // 10008 and 10074: the server is still starting, or short of something for a moment.
    return error.status < 500 || ![10008, 10074].includes(error.code);
  }
  const name = error instanceof Error ? error.name : "";
  return (
    ["PermissionViolationError", "InvalidArgumentError", "InvalidSubjectError"].includes(name) ||
    (error instanceof JetStreamError && name === "JetStreamNotEnabled")
  );
}

function closed(): ManyfoldError {
  return new ManyfoldError({
    code: "environment",
    path: "connection to NATS",
    condition: "open",
    got: "a closed one",
  });
}

function unreachable(servers: readonly string[], error: unknown): ManyfoldError {
  const name = error instanceof Error ? error.name : "";
  const refused = /Authori[sz]ation/i.test(`${name} ${messageOf(error)}`);
  return new ManyfoldError({
    code: "environment",
    path: servers.map(withoutSecret).join(","),
    condition: refused ? "a NATS server that lets this user in" : "a NATS server that answers",
    got: messageOf(error),
    help: refused
      ? "Set NATS_USER and NATS_PASSWORD, NATS_TOKEN, or NATS_NKEY (a file with the seed)."
      : "Start one with: nats-server -js -sd DIR (Debian: apt install nats-server).",
  });
}

/** An address for people: what stands before the `@` is nobody's business. */
function withoutSecret(server: string): string {
  return server.replace(/^([a-z]+:\/\/)?[^/]*@/, "$1");
}

function withoutJetStream(servers: readonly string[], error: unknown): ManyfoldError {
  return new ManyfoldError({
    code: "environment",
    path: servers.map(withoutSecret).join(","),
    condition: "a NATS server with JetStream that this user may use",
    got: messageOf(error),
    help: "Start it with: nats-server -js -sd DIR, or add jetstream { store_dir: DIR } to its file.",
  });
}

function requireVersion(version: string): void {
  const numbers = version.split(/[.-]/).slice(0, 3).map(Number);
  for (const [place, least] of OLDEST.entries()) {
    const number = numbers[place] ?? 0;
    if (number > least) return;
    if (number < least) {
      throw new ManyfoldError({
        code: "environment",
        path: "NATS server",
        condition: `version ${OLDEST.join(".")} or later`,
        got: version,
      });
    }
  }
}
