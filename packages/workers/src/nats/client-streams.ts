import {
  type JetStreamClient,
  JetStreamApiError,
  type JetStreamManager,
  type StoredMsg,
} from "@nats-io/jetstream";
import type { MsgHdrs } from "@nats-io/transport-node";
import { messageOf } from "../outcome.ts";
import { refusalOf } from "./publisher.ts";
import {
  type Connection,
  type Query,
  Refusal,
  type StoredMessage,
  type Streams,
  Unheard,
} from "./transport.ts";

/** Milliseconds after which a server forgets a reader that asks for nothing. */
const UNREAD = 10_000;

/** A server's streams as the client of NATS knows them; one request per operation, asked once. */
export function streamsOver(
  connection: Connection,
  js: JetStreamClient,
  jsm: JetStreamManager,
  publisher: Streams["publish"],
): Streams {
  const once = async <Answer>(request: Promise<Answer>): Promise<Answer> => {
    try {
      return await request;
    } catch (error) {
      throw refusedOf(error) ?? error;
    }
  };
  return {
    publish: (...of) => once(publisher(...of)),
    async get(stream, query) {
      const found = await once(jsm.direct.getMessage(stream, queryOf(query)));
      return found === null ? undefined : storedOf(found);
    },
    async remove(stream, sequence) {
      await once(jsm.streams.deleteMessage(stream, sequence));
    },
    async state(stream) {
      const { state } = await once(jsm.streams.info(stream));
      return { messages: state.messages, lastSequence: state.last_seq };
    },
    async subjects(stream, filter) {
      const { state } = await once(jsm.streams.info(stream, { subjects_filter: filter }));
      return Object.keys(state.subjects ?? {});
    },
    async backlog(stream, consumer) {
      const info = await once(jsm.consumers.info(stream, consumer));
      return { pending: info.num_pending, unacknowledged: info.num_ack_pending };
    },
    async addStream(config) {
      await once(jsm.streams.add(config));
    },
    async addConsumer(stream, config) {
      await once(jsm.consumers.add(stream, config));
    },
    async read({ stream, filter, from }, onMessage) {
      // The client makes its reader anew under another number, and this server forgets none that it had
      // when it was restarted: so they are told apart by what they read, and removed together.
      const name = `read-${filter.replaceAll(/[^A-Za-z0-9-]/g, "_")}`;
      const clear = async () => {
        for await (const { name: reader } of jsm.consumers.list(stream)) {
          if (reader.startsWith(name)) await jsm.consumers.delete(stream, reader);
        }
      };
      await once(clear());
      const consumer = await once(
        js.consumers.get(stream, {
          filter_subjects: filter,
          opt_start_seq: from,
          name_prefix: name,
          // Of a reader that was killed nothing stays; the default is five minutes.
          inactive_threshold: UNREAD,
        }),
      );
      // With the defaults a reader stands still for half a minute after a restart of the server.
      const messages = await consumer.consume({
        max_messages: 500,
        expires: 2000,
        idle_heartbeat: 500,
      });
      const follow = async () => {
        for await (const { subject, seq, data, headers: marks } of messages) {
          onMessage({ subject, sequence: seq, data, headers: marksOf(marks) });
        }
      };
      const stop = async () => {
        await messages.close();
        if (connection.up) await clear().catch(() => undefined);
      };
      let stopping: Promise<void> | undefined;
      return {
        ended: follow().catch(() => undefined),
        stop: () => (stopping ??= stop()),
      };
    },
  };
}

function queryOf(query: Query) {
  if ("last" in query) return { last_by_subj: query.last };
  if ("sequence" in query) return { seq: query.sequence };
  return { seq: query.from, next_by_subj: query.next };
}

function storedOf({ subject, seq, data, header }: StoredMsg): StoredMessage {
  return { subject, sequence: seq, data, headers: marksOf(header) };
}

function marksOf(marks: MsgHdrs | undefined): Record<string, string> {
  const names = marks?.keys() ?? [];
  return Object.fromEntries(names.map((name) => [name, marks?.get(name) ?? ""]));
}

/** What a server or the client itself refused; undefined for the rest. */
function refusedOf(error: unknown): Error | undefined {
  if (error instanceof JetStreamApiError) {
    return refusalOf(error.status, error.code, error.message);
  }
  const names = namesOf(error);
  if (names.includes("JetStreamNotEnabled") || names.includes("NoResponders")) {
    return new Unheard(messageOf(error));
  }
  const final = ["PermissionViolationError", "InvalidArgumentError", "InvalidSubjectError"].some(
    (name) => names.includes(name),
  );
  return final ? new Refusal(0, messageOf(error)) : undefined;
}

/** The names of an error and of what caused it: a denied request says so in its cause alone. */
function namesOf(error: unknown): string[] {
  return error instanceof Error ? [error.name, ...namesOf(error.cause)] : [];
}
