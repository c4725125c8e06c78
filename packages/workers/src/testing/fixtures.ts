import { encodeTable, decodeTable, tableRef, type TableColumns } from "@manyfold/data";
import {
  type BlobStore,
  type DatasetRef,
  hashBytes,
  ModelSpec,
  type Report,
  type Task,
  taskId,
  type TrainResult,
  type TrainTask,
  TrainSpec,
} from "@manyfold/protocol";
import { runTask } from "../run-task.ts";

/** A task that trains a network. */
export type TrainingTask = Task & { readonly spec: TrainTask };

/** Tasks of every kind of ending, on small tables. */
export interface Fixtures {
  /** The bytes of each table by hash. */
  readonly tables: ReadonlyMap<string, Uint8Array>;
  /** Tasks that complete within milliseconds: classification and regression, bags and subspaces. */
  varied(count: number): TrainingTask[];
  /** A task that trains for longer than any test waits. */
  endless(member?: number): TrainingTask;
  /** A task whose loss turns non-finite. */
  notFinite(): TrainingTask;
  /** A task whose model does not fit its data. */
  invalid(): TrainingTask;
  /** A task whose table is in no store. */
  tableless(): TrainingTask;
  /** A task that needs more than a MiB. */
  huge(): TrainingTask;
}

const ROWS = 60;

/** Three noisy classes along two of three inputs; every sixth row validates, every fifth tests. */
function classes(): TableColumns {
  return columns(3, (row) => row % 3);
}

/** A smooth target. */
function values(): TableColumns {
  return columns(0, (row) => wave(row, 3) * wave(row, 5) - 0.5);
}

function columns(classCount: number, target: (row: number) => number): TableColumns {
  const rows = Array.from({ length: ROWS }, (_, row) => row);
  return {
    classes: classCount,
    x: Float32Array.from(
      rows.flatMap((row) => [(row % 3) + wave(row, 1), wave(row, 3), wave(row, 5)]),
    ),
    y: Float32Array.from(rows, target),
    roles: Uint8Array.from(rows, (row) => (row % 6 === 1 ? 1 : row % 5 === 2 ? 2 : 0)),
    rowNumbers: Uint32Array.from(rows),
  };
}

/** A number in [0, 1) that looks irregular. */
function wave(row: number, stride: number): number {
  return ((row * 37 * stride + stride) % 101) / 101;
}

/** Puts the tables into a store and makes tasks on them. */
export async function fixtures(blobs: BlobStore): Promise<Fixtures> {
  const tables = new Map<string, Uint8Array>();
  const refs: DatasetRef[] = [];
  for (const each of [classes(), values()]) {
    const bytes = encodeTable(each);
    const ref = tableRef(bytes);
    await blobs.put(bytes);
    tables.set(ref.hash, bytes);
    refs.push(ref);
  }
  const [classification, regression] = refs as [DatasetRef, DatasetRef];

  const taskOn = (data: DatasetRef, changes: Partial<TrainTask> = {}): TrainingTask => {
    const spec: TrainTask = {
      version: 1,
      kind: "train",
      variant: "js",
      data,
      model: ModelSpec.parse({ layers: [{ dense: { units: 4, activation: "tanh" } }] }),
      train: TrainSpec.parse({ epochs: 3, batch: 16 }),
      draw: { sample: { bootstrap: { fraction: 1 } }, features: 1 },
      seed: 7,
      fold: 0,
      repeat: 0,
      member: 0,
      report: ["oob", "validation", "test"],
      ...changes,
    };
    return { id: taskId(spec), attempt: 1, spec };
  };

  const reports: Report[][] = [["oob", "validation", "test"], ["test"], ["oob", "test"]];
  return {
    tables,
    varied: (count) =>
      Array.from({ length: count }, (_, member) =>
        taskOn(member % 2 === 0 ? classification : regression, {
          member,
          report: reports[member % 3] ?? [],
          draw: {
            sample:
              member % 3 === 2 ? { subsample: { fraction: 0.6 } } : { bootstrap: { fraction: 1 } },
            features: member % 4 === 3 ? 0.67 : 1,
          },
          ...(member % 5 === 4
            ? { train: TrainSpec.parse({ epochs: 6, batch: 8, earlyStopping: { patience: 1 } }) }
            : {}),
        }),
      ),
    endless: (member = 0) =>
      taskOn(classification, { member, train: TrainSpec.parse({ epochs: 1_000_000, batch: 1 }) }),
    notFinite: () =>
      taskOn(regression, {
        train: TrainSpec.parse({ epochs: 50, batch: 4, optimizer: { sgd: { lr: 1000 } } }),
        model: ModelSpec.parse({ layers: [{ dense: { units: 4, activation: "relu" } }] }),
      }),
    invalid: () =>
      taskOn(classification, { model: ModelSpec.parse({ layers: [], output: "sigmoid" }) }),
    tableless: () => taskOn({ ...classification, hash: hashBytes(Uint8Array.of(1, 2, 3)) }),
    huge: () =>
      taskOn(classification, {
        model: ModelSpec.parse({ layers: [{ dense: { units: 60_000, activation: "relu" } }] }),
      }),
  };
}

/** The result of a task, computed here and now without an executor. */
export function expectedResult({ spec }: TrainingTask, { tables }: Fixtures): TrainResult {
  const bytes = tables.get(spec.data.hash);
  if (bytes === undefined) throw new Error("the task's table is no fixture");
  const outcome = runTask(spec, () => decodeTable(bytes, spec.data));
  if (outcome.status !== "done") throw new Error(`the task ended as ${outcome.status}`);
  const { weights, predictions, checkpoint, ...rest } = outcome.output;
  const ref = (of: Uint8Array) => ({ hash: hashBytes(of), bytes: of.byteLength });
  return {
    ...rest,
    ...(checkpoint && { checkpoint: ref(checkpoint) }),
    curve: [...rest.curve],
    weights: ref(weights),
    predictions: Object.fromEntries(
      Object.entries(predictions).map(([report, of]) => [report, ref(of)]),
    ),
  };
}
