import { expect, test } from "vitest";
import { createFeed } from "./feed.ts";

test("gives what is pushed, in order, and ends after a close", async () => {
  const feed = createFeed<number>();
  feed.push(1);
  const taken: number[] = [];
  const reading = (async () => {
    for await (const item of feed) taken.push(item);
  })();
  await Promise.resolve();
  feed.push(2);
  feed.push(3);
  feed.close();
  await reading;
  expect(taken).toEqual([1, 2, 3]);
});

test("abandoning gives back what nobody took, and ends", async () => {
  const feed = createFeed<string>();
  for (const item of ["a", "b", "c"]) feed.push(item);
  const iterator = feed[Symbol.asyncIterator]();
  expect(await iterator.next()).toEqual({ done: false, value: "a" });
  expect(feed.abandon()).toEqual(["b", "c"]);
  expect((await iterator.next()).done).toBe(true);
});
