import type { Consumer, ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import type { Link } from "./link.ts";

/**
 * Reads a stream's messages on a subject, in order and none twice, from a place on, for as long as it
 * takes: over restarts of the server too. After a reconnect the reading is begun anew behind the
 * last message, since the client's own way of going on waits for much longer than it has to.
 *
 * @returns stops the reading
 */
export function readStream(
  link: Link,
  of: { readonly stream: string; readonly filter: string; readonly from: number },
  onMessage: (message: JsMsg) => void,
): () => Promise<void> {
  let next = of.from;
  let stopped = false;
  let messages: ConsumerMessages | undefined;

  const follow = async () => {
    let consumer: Consumer | undefined;
    try {
      consumer = await link.ask(() =>
        link.js.consumers.get(of.stream, { filter_subjects: of.filter, opt_start_seq: next }),
      );
      if (stopped) return;
      // With the defaults a reader stands still for half a minute after a restart of the server.
      messages = await consumer.consume({ max_messages: 500, expires: 2000, idle_heartbeat: 500 });
      // Stopped while it was being started.
      if (isStopped()) await messages.close();
      for await (const message of messages) {
        if (message.seq < next) continue;
        next = message.seq + 1;
        onMessage(message);
      }
    } catch {
      // Whatever it was, the next round begins behind the last message that was seen.
    }
    messages = undefined;
    if (link.up) await consumer?.delete().catch(() => undefined);
  };
  const isStopped = () => stopped;
  const loop = async () => {
    while (!stopped && !link.nc.isClosed()) {
      await follow();
      if (!isStopped()) await link.timers.sleep(50);
    }
  };
  const renew = link.onReconnect(() => messages?.stop());
  const ended = loop().catch(() => undefined);

  return async () => {
    stopped = true;
    renew();
    await messages?.close();
    if (link.up) await ended;
  };
}
