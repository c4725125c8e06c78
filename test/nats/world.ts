import { randomUUID } from "node:crypto";
import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";
import type { Clock, Timers } from "@manyfold/protocol";
import { type Link, namesOf, openLink, prepareNamespace } from "@manyfold/workers/nats";
import { afterAll } from "vitest";

export const clock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

export const timers: Timers = {
  sleep: (milliseconds, signal) => {
    const options = signal === undefined ? {} : { signal };
    return milliseconds === 0 ? turn(undefined, options) : delay(milliseconds, undefined, options);
  },
  every: (milliseconds, callback) => {
    const timer = setInterval(callback, milliseconds);
    return () => clearInterval(timer);
  },
};

const links: Link[] = [];
afterAll(async () => {
  for (const link of links.splice(0)) await link.close();
});

/** A connection that ends with the test file, if not before. */
export async function testLink(url: string): Promise<Link> {
  const link = await openLink({ servers: [url], name: "test", timers });
  links.push(link);
  return link;
}

/** A namespace of a test's own, its streams made. */
export async function freshNames(link: Link) {
  const names = namesOf(`t${randomUUID().slice(0, 8)}`);
  await prepareNamespace(link, names, 2);
  return names;
}
