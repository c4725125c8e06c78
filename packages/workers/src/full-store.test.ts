import { memoryBlobs } from "@manyfold/files";
import type { TaskEvent } from "@manyfold/protocol";
import { ManyfoldError } from "@manyfold/protocol";
import { expect, test } from "vitest";
import { inlineExecutor } from "./inline.ts";
import { fixtures } from "./testing.ts";

test("a store that takes nothing ends the run; no task is blamed for it", async () => {
  const blobs = memoryBlobs();
  const data = await fixtures(blobs);
  const full = {
    ...blobs,
    put: async () => {
      throw new ManyfoldError({ code: "input", path: "blobs", condition: "a place with room" });
    },
  };
  const executor = inlineExecutor({
    blobs: full,
    clock: { now: () => 0, monotonic: () => 0 },
    timers: {
      sleep: () => new Promise((resolve) => setImmediate(resolve)),
      every: () => () => undefined,
    },
  });
  async function* tasks() {
    yield* data.varied(3);
  }
  const events: TaskEvent[] = [];
  const running = (async () => {
    const { signal } = new AbortController();
    for await (const event of executor.run(tasks(), { signal })) events.push(event);
  })();
  await expect(running).rejects.toThrow("a place with room");
  const codes = events.flatMap((event) => (event.type === "failed" ? [event.failure.code] : []));
  expect(codes.filter((code) => code !== "lost")).toEqual([]);
  expect(events.filter(({ type }) => type === "completed")).toEqual([]);
  await executor.close();
});
