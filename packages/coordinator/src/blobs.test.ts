import { expect, test } from "vitest";
import { inTurn } from "./blobs.ts";

test("reads a few at a time, and gives the results in their order", async () => {
  let [open, most] = [0, 0];
  const items = Array.from({ length: 500 }, (_, item) => item);
  const doubled = await inTurn(items, async (item) => {
    most = Math.max(most, ++open);
    await new Promise((resolve) => setTimeout(resolve, item % 3));
    open--;
    return 2 * item;
  });
  expect(doubled).toEqual(items.map((item) => 2 * item));
  expect(most).toBeLessThanOrEqual(32);
});
