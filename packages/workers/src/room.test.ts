import { expect, test } from "vitest";
import { createRoom } from "./room.ts";

const { signal } = new AbortController();

test("lets in what fits, in the order of asking", async () => {
  const room = createRoom(10);
  const order: string[] = [];
  const enter = async (name: string, bytes: number) => {
    const leave = await room.take(bytes, signal);
    order.push(name);
    return leave;
  };
  const first = await enter("first", 6);
  const second = enter("second", 6);
  const third = enter("third", 1);
  await Promise.resolve();
  expect(order).toEqual(["first"]);
  first?.();
  await Promise.all([second, third]);
  expect(order).toEqual(["first", "second", "third"]);
});

test("who gives up makes way for the next", async () => {
  const room = createRoom(10);
  await room.take(6, signal);
  const stop = new AbortController();
  const second = room.take(6, stop.signal);
  const third = room.take(4, signal);
  stop.abort();
  expect(await second).toBeUndefined();
  expect(await third).toBeTypeOf("function");
  expect(await room.take(0, AbortSignal.abort())).toBeUndefined();
});
