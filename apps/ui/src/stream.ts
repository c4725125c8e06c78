import type { FastifyReply } from "fastify";

/** Bytes that may wait for a slow reader before it is told less often. */
const WAITING = 2 ** 20;
/** A sign of life, so that nobody in between closes the connection. */
const BEAT_MILLISECONDS = 15_000;

/** A reader of server-sent events. */
export interface EventStream {
  /** Whether it takes more now; what it does not, it gets later, in one. */
  readonly isReady: () => boolean;
  send(event: string, data: unknown, id?: string): void;
  readonly closed: () => boolean;
}

/** Answers a request with events from now on. */
export function openStream(reply: FastifyReply, onClose: () => void): EventStream {
  reply.hijack();
  const { raw } = reply;
  const headers = Object.fromEntries(
    Object.entries(reply.getHeaders()).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    ),
  );
  raw.writeHead(200, { ...headers, "content-type": "text/event-stream; charset=utf-8" });
  raw.write("retry: 1000\n\n");
  let open = true;
  const beat = setInterval(() => raw.write(":\n\n"), BEAT_MILLISECONDS);
  raw.once("close", () => {
    open = false;
    clearInterval(beat);
    onClose();
  });
  return {
    isReady: () => open && raw.writableLength < WAITING,
    closed: () => !open,
    send(event, data, id) {
      if (!open) return;
      const name = id === undefined ? "" : `id: ${id}\n`;
      raw.write(`${name}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    },
  };
}
