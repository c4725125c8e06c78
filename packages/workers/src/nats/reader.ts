import type { Reading, StoredMessage, Transport } from "./transport.ts";

/** Milliseconds between the end of a reading and the next. */
const PAUSE = 50;

/**
 * Reads a stream's messages on a subject, in order and none twice, from a place on, for as long as it
 * takes: over restarts of the server too. After a reconnect the reading is begun anew behind the
 * last message, since the client's own way of going on waits for much longer than it has to.
 *
 * @returns stops the reading
 */
export function readStream(
  link: Transport,
  of: { readonly stream: string; readonly filter: string; readonly from: number },
  onMessage: (message: StoredMessage) => void,
): () => Promise<void> {
  let next = of.from;
  let stopped = false;
  let reading: Reading | undefined;

  const hear = (message: StoredMessage) => {
    if (stopped || message.sequence < next) return;
    next = message.sequence + 1;
    onMessage(message);
  };
  const follow = async () => {
    let own: Reading | undefined;
    try {
      own = await link.streams.read({ ...of, from: next }, hear);
      reading = own;
      // Stopped while it was being started.
      if (!isStopped()) await own.ended;
    } catch {
      // Whatever it was, the next round begins behind the last message that was seen.
    }
    reading = undefined;
    await own?.stop().catch(() => undefined);
  };
  const isStopped = () => stopped;
  const loop = async () => {
    while (!stopped && !link.closed) {
      await follow();
      if (!isStopped()) await link.timers.sleep(PAUSE);
    }
  };
  const renew = link.onReconnect(() => void reading?.stop().catch(() => undefined));
  const ended = loop().catch(() => undefined);

  return async () => {
    stopped = true;
    renew();
    await reading?.stop();
    if (link.up) await ended;
  };
}
