import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { fitWorkers, taskBytes, taskMemory, THREAD_BYTES } from "./memory.ts";
import { memoryBlobs } from "@manyfold/files";
import { fixtures } from "./testing.ts";

const data = await fixtures(memoryBlobs());
const [{ spec: small }] = data.varied(1) as [ReturnType<typeof data.huge>];
const { spec: large } = data.huge();

describe("taskBytes", () => {
  test("counts weights, their gradients and the optimizer's moments at the least", () => {
    const parameters = 60_000 * (3 + 1) + 3 * (60_000 + 1);
    const sgd = { ...large, train: TrainSpec.parse({ optimizer: { sgd: {} } }) };
    const adam = { ...large, train: TrainSpec.parse({ optimizer: { adam: {} } }) };
    expect(taskBytes(sgd)).toBeGreaterThan(2 * 4 * parameters);
    const moments = taskBytes(adam) - taskBytes(sgd);
    expect(moments / (2 * 4 * parameters)).toBeCloseTo(1, 2);
  });

  test("grows with layers, batch and rows", () => {
    const wider = ModelSpec.parse({ layers: [{ dense: { units: 64 } }] });
    expect(taskBytes({ ...small, model: wider })).toBeGreaterThan(taskBytes(small));
    const bigger = TrainSpec.parse({ batch: 60 });
    expect(taskBytes({ ...small, train: bigger })).toBeGreaterThan(taskBytes(small));
    const rows = { ...small.data, rows: 6000 };
    expect(taskBytes({ ...small, data: rows })).toBeGreaterThan(taskBytes(small));
  });
});

describe("taskMemory", () => {
  test("counts nothing where there is no limit", () => {
    expect(taskMemory(undefined)(large)).toEqual({ status: "needs", bytes: 0 });
  });

  test("names both numbers where a task needs more than there is", () => {
    expect(taskMemory(2 ** 20)(large)).toMatchObject({
      failure: { code: "invalid", message: expect.stringMatching(/about \d+ MiB.* has 1 MiB/) },
    });
    expect(taskMemory(2 ** 30)(large)).toEqual({ status: "needs", bytes: taskBytes(large) });
  });

  test("leaves a model that does not fit to its run", () => {
    expect(taskMemory(1)(data.invalid().spec)).toEqual({ status: "needs", bytes: 0 });
  });
});

describe("fitWorkers", () => {
  const each = THREAD_BYTES + taskBytes(large);
  const table = large.data.bytes;

  test("gives all threads that are wanted where they fit", () => {
    expect(fitWorkers(4, table + 4 * each, [large, small])).toEqual({ workers: 4 });
  });

  test("gives fewer, and says so, where they do not", () => {
    expect(fitWorkers(4, table + 3 * each - 1, [large])).toEqual({
      workers: 2,
      note: expect.stringMatching(/^2 of 4 threads fit \d+ MiB of memory: \d+ MiB per thread/),
    });
  });

  test("refuses where not one fits, with the numbers", () => {
    expect(() => fitWorkers(2, 10 * 2 ** 20, [small])).toThrow(
      /memory must be at least 65 MiB .*got 10 MiB/,
    );
  });
});
