import {
  jetstream,
  jetstreamManager,
  type JetStreamClient,
  type JetStreamManager,
} from "@nats-io/jetstream";
import {
  connect,
  credsAuthenticator,
  type Msg,
  type NatsConnection,
  nkeyAuthenticator,
  type NodeConnectionOptions,
} from "@nats-io/transport-node";
import { ManyfoldError, type Timers } from "@manyfold/protocol";
import { randomUUID } from "node:crypto";
import { messageOf } from "../outcome.ts";
import { streamsOver } from "./client-streams.ts";
import { publisherOver } from "./publisher.ts";
import { askedStreams, type Connection, type Message, type Transport } from "./transport.ts";

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
  /** Paths of this client's own certificate and its key, where the server asks for one. */
  readonly certificate?: string;
  readonly key?: string;
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

/** A connection to a server that comes back by itself. */
export interface Link extends Transport {
  /** The client itself, for what only people look at: versions, quotas, clearing up. */
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
}

const OLDEST = [2, 9, 4] as const;
/** Milliseconds of an API request. */
const TIMEOUT = 5000;

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
  certificate,
  key,
}: Credentials): NodeConnectionOptions {
  const seed = nkey && new TextEncoder().encode(new TextDecoder().decode(nkey).trim());
  return {
    ...(user !== undefined && { user, pass: password ?? "" }),
    ...(token !== undefined && { token }),
    ...(seed && { authenticator: nkeyAuthenticator(seed) }),
    ...(creds && { authenticator: credsAuthenticator(creds) }),
    ...((authority !== undefined || certificate !== undefined) && {
      tls: {
        ...(authority !== undefined && { caFile: authority }),
        ...(certificate !== undefined && { certFile: certificate }),
        ...(key !== undefined && { keyFile: key }),
      },
    }),
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
  const onReconnect = (callback: () => void) => listen(ups, callback);
  const onDown = (callback: () => void) => listen(downs, callback);
  const connection: Connection = {
    timers,
    get up() {
      return up;
    },
    get closed() {
      return nc.isClosed();
    },
    onReconnect,
    onDown,
  };

  return {
    nc,
    js,
    jsm,
    inbox,
    timers,
    get up() {
      return up;
    },
    get closed() {
      return nc.isClosed();
    },
    onReconnect,
    onDown,
    publish: (subject, data, reply) =>
      nc.publish(subject, data, reply === undefined ? {} : { reply }),
    subscribe(subject, onMessage) {
      const subscription = nc.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) onMessage(plain(message));
        },
      });
      return () => {
        if (!nc.isClosed()) subscription.unsubscribe();
      };
    },
    request: async (subject, data, timeout) => plain(await nc.request(subject, data, { timeout })),
    flush: () => nc.flush(),
    streams: askedStreams(
      connection,
      streamsOver(connection, js, jsm, publisherOver(nc, inbox, timers)),
    ),
    close: () => nc.close(),
  };
}

function plain({ subject, data, reply = "", headers }: Msg): Message {
  return { subject, data, reply, status: headers?.code ?? 0 };
}

/** What a failed connection is about, by what the client says of it, and what to do. */
const REASONS: readonly (readonly [said: RegExp, condition: string, help: string])[] = [
  [
    /Authori[sz]ation|Authentication/i,
    "a NATS server that lets this user in",
    "Set NATS_USER and NATS_PASSWORD, NATS_TOKEN, NATS_NKEY (a file with the seed) or NATS_CREDS, or --context.",
  ],
  [
    /certificate|self.signed|\btls\b|\bssl\b|issuer/i,
    "a NATS server whose certificate this machine trusts",
    "Set NATS_CA to the file of the authority that signed it (NATS_CERT, NATS_KEY: a client's own).",
  ],
  [
    /./s,
    "a NATS server that answers",
    "Start one with: nats-server -js -sd DIR (Debian: apt install nats-server).",
  ],
];

function unreachable(servers: readonly string[], error: unknown): ManyfoldError {
  const causes: string[] = [];
  for (let at = error; at instanceof Error && causes.length < 5; at = at.cause) {
    causes.push(`${at.name} ${at.message}`);
  }
  const said = causes.join(" ");
  const [, condition = "", help = ""] = REASONS.find(([pattern]) => pattern.test(said)) ?? [];
  return new ManyfoldError({
    code: "environment",
    path: servers.map(withoutSecret).join(","),
    condition,
    got: messageOf(error),
    help,
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
