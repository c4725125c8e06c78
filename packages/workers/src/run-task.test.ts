import { predict } from "@manyfold/core";
import { decodeTable, drawRows, rowsOf, type Table } from "@manyfold/data";
import { ManyfoldError, ModelSpec, TrainSpec, type TrainTask } from "@manyfold/protocol";
import { describe, expect, test } from "vitest";
import { networkOf, runTask, type RunTaskOptions } from "./run-task.ts";
import { memoryBlobs } from "@manyfold/files";
import { fixtures } from "./testing.ts";
import type { TrainingTask } from "./testing/fixtures.ts";

const data = await fixtures(memoryBlobs());

function tableOf({ data: ref }: TrainTask): Table {
  return decodeTable(data.tables.get(ref.hash) ?? new Uint8Array(0), ref);
}

function outcomeOf(spec: TrainTask, options?: RunTaskOptions) {
  return runTask(spec, () => tableOf(spec), options);
}

function outputOf(spec: TrainTask) {
  const outcome = outcomeOf(spec);
  if (outcome.status !== "done") throw new Error(JSON.stringify(outcome));
  return outcome.output;
}

const floats = (bytes: Uint8Array | undefined) =>
  new Float32Array((bytes ?? new Uint8Array(0)).slice().buffer);

/** Any of the tasks that complete, changed. */
function specOf(changes: Partial<TrainTask> = {}, member = 0): TrainTask {
  const [...tasks] = data.varied(member + 1);
  const { spec } = tasks[member] as TrainingTask;
  return { ...spec, ...changes };
}

/** Rows of inputs, one after the other. */
function rowsAt({ x, ref }: Table, rows: Uint32Array, columns: readonly number[]): Float32Array {
  return Float32Array.from(
    [...rows].flatMap((row) => columns.map((column) => x[row * ref.inputs + column] ?? Number.NaN)),
  );
}

describe("runTask", () => {
  test.each([0, 1, 2, 3, 4, 7])("predicts the rows its draw leaves out (task %i)", (member) => {
    const spec = specOf({ report: ["oob", "validation", "test", "train"] }, member);
    const table = tableOf(spec);
    const { weights, parameters, predictions } = outputOf(spec);
    const draw = drawRows(
      { ...spec, earlyStopping: spec.train.earlyStopping },
      rowsOf(table, "train"),
      table.ref.inputs,
    );
    const columns = [...(draw.features ?? [0, 1, 2])];
    const network = networkOf(spec, columns.length);
    expect(parameters).toBe(network.parameters.size);
    const expected = (rows: Uint32Array) =>
      predict(network, floats(weights), rowsAt(table, rows, columns), rows.length);
    expect(floats(predictions.oob)).toEqual(expected(draw.oob));
    for (const role of ["validation", "test", "train"] as const) {
      expect(floats(predictions[role])).toEqual(expected(rowsOf(table, role)));
    }
  });

  test("gives a column per class, also for one sigmoid unit", () => {
    const { spec } = data.invalid();
    const two = { ...tableOf(spec), y: Float32Array.from({ length: 60 }, (_, row) => row % 2) };
    const ref = { ...spec.data, classes: 2 };
    const binary = { ...spec, data: ref, report: ["test"] as const };
    const outcome = runTask({ ...binary, report: ["test"] }, () => ({ ...two, ref }));
    if (outcome.status !== "done") throw new Error(JSON.stringify(outcome));
    const pairs = floats(outcome.output.predictions.test);
    expect(outcome.output.parameters).toBe(3 + 1);
    expect(pairs.length).toBe(2 * rowsOf(two, "test").length);
    for (let row = 0; row < pairs.length; row += 2) {
      expect((pairs[row] ?? 0) + (pairs[row + 1] ?? 0)).toBeCloseTo(1, 6);
    }
  });

  test("gives the same bits again, whatever ran in between", () => {
    const specs = data.varied(6).map(({ spec }) => spec);
    const first = specs.map((spec) => outcomeOf(spec));
    outcomeOf(data.notFinite().spec);
    const again = specs.toReversed().map((spec) => outcomeOf(spec));
    expect(again.toReversed()).toEqual(first);
  });

  test("reports nothing that was not asked for, and no rows where there are none", () => {
    expect(outputOf(specOf({ report: [] })).predictions).toEqual({});
    const everything = specOf({ report: ["oob"], draw: { sample: { all: {} }, features: 1 } });
    expect(outputOf(everything).predictions.oob).toHaveLength(0);
  });

  test("gives bytes with buffers of their own, to be handed over", () => {
    const { weights, predictions } = outputOf(specOf());
    const buffers = [weights, ...Object.values(predictions)].map(({ buffer }) => buffer);
    expect(new Set(buffers).size).toBe(4);
    for (const bytes of [weights, ...Object.values(predictions)]) {
      expect(bytes.buffer.byteLength).toBe(bytes.byteLength);
    }
  });

  test("passes on the learning curve, and stops when told", () => {
    const spec = specOf({ train: TrainSpec.parse({ epochs: 5, batch: 16 }) });
    const seen: number[] = [];
    const outcome = outcomeOf(spec, {
      onEpoch: ({ epoch }) => seen.push(epoch),
      cancelled: () => seen.length === 3,
    });
    expect(outcome).toEqual({ status: "cancelled" });
    expect(seen).toEqual([1, 2, 3]);
  });

  test("says in which epoch and layer a training left the numbers", () => {
    expect(outcomeOf(data.notFinite().spec)).toMatchObject({
      status: "failed",
      failure: { code: "nan", permanent: true, epoch: expect.any(Number) as number },
    });
  });

  test.each([
    ["a head that does not fit", data.invalid().spec],
    [
      "a holdout of a draw that leaves none",
      specOf({
        draw: { sample: { all: {} }, features: 1 },
        train: TrainSpec.parse({ epochs: 1, earlyStopping: { on: "oob" } }),
      }),
    ],
    ["a table of another shape", specOf({ data: { ...specOf().data, inputs: 7 } })],
  ])("refuses %s for good", (_, spec) => {
    expect(outcomeOf(spec)).toMatchObject({
      failure: { code: "invalid", permanent: true, message: expect.stringMatching(/ must be /) },
    });
  });

  test("makes data of whatever is thrown, without a stack", () => {
    const thrown = (error: unknown) =>
      runTask(specOf(), () => {
        throw error;
      });
    expect(thrown(new TypeError("no such thing"))).toEqual({
      status: "failed",
      failure: { code: "exception", message: "no such thing", permanent: false },
    });
    expect(thrown(new RangeError("Array buffer allocation failed"))).toMatchObject({
      failure: { code: "oom", permanent: false },
    });
    const complaint = { code: "input", path: "x", condition: "known" } as const;
    expect(thrown(new ManyfoldError(complaint))).toMatchObject({
      failure: { code: "invalid", permanent: true, message: "x must be known." },
    });
    expect(thrown("text")).toMatchObject({ failure: { code: "exception", message: "text" } });
  });

  test("learns exclusive or, with one member or another", () => {
    const table: Table = {
      ref: { ...specOf().data, rows: 4, inputs: 2, targets: 1, classes: 2 },
      x: Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1),
      y: Float32Array.of(0, 1, 1, 0),
      sides: new Float32Array(0),
      roles: new Uint8Array(4),
      rowNumbers: Uint32Array.of(0, 1, 2, 3),
    };
    const right = [0, 1, 2, 3, 4, 5].map((member) => {
      const outcome = runTask(
        specOf({
          member,
          data: table.ref,
          draw: { sample: { all: {} }, features: 1 },
          model: ModelSpec.parse({ layers: [{ dense: { units: 2, activation: "tanh" } }] }),
          train: TrainSpec.parse({ epochs: 500, batch: 4, optimizer: { adam: { lr: 0.05 } } }),
          report: ["train"],
        }),
        () => table,
      );
      if (outcome.status !== "done") return 0;
      const p = floats(outcome.output.predictions.train);
      return [0, 1, 2, 3].filter((row) => (p[2 * row + 1] ?? 0) > 0.5 === (table.y[row] === 1))
        .length;
    });
    expect(Math.max(...right)).toBe(4);
  });
});
