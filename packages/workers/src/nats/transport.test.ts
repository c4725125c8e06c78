import { expect, test } from "vitest";
import { askedStreams, type Connection, Refusal, type Streams, Unheard } from "./transport.ts";

const link: Connection = {
  timers: { sleep: () => Promise.resolve(), every: () => () => undefined },
  up: true,
  closed: false,
  onReconnect: () => () => undefined,
  onDown: () => () => undefined,
};

/** Streams that nobody hears for so many times; then what is stored is the first. */
function deaf(times: number) {
  let asked = 0;
  const publish = () =>
    ++asked > times ? Promise.resolve(1) : Promise.reject(new Unheard("no stream"));
  const raw = { publish } as Partial<Streams> as Streams;
  return { streams: askedStreams(link, raw), asked: () => asked };
}

test("a server that is about to stop hears nobody for a moment: it is asked again", async () => {
  const { streams, asked } = deaf(20);
  expect(await streams.publish("s", new Uint8Array())).toBe(1);
  expect(asked()).toBe(21);
});

test("where nobody ever hears, that is a refusal and no hang", async () => {
  const { streams, asked } = deaf(Number.POSITIVE_INFINITY);
  const error = await streams.publish("s", new Uint8Array()).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Refusal);
  expect(error).toMatchObject({ code: 0, message: "no stream" });
  expect(asked()).toBe(100);
});
