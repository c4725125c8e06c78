import { buildNetwork, type Meter, type Network, predict, train } from "@manyfold/core";
import { type Draw, drawFrom, drawUnlabelled, memberKey, rowsOf, type Table } from "@manyfold/data";
import type { CurvePoint, Report, TrainTask } from "@manyfold/protocol";
import { failed, failureFrom, failureOf, type TaskOutcome, type TrainOutput } from "./outcome.ts";

/** Two functions that watch a task and change nothing but where it ends. */
export interface RunTaskOptions {
  /** Told each point of the learning curve. */
  readonly onEpoch?: (point: CurvePoint) => void;
  /** Told where the time of the training goes. */
  readonly meter?: Meter | undefined;
  /** Asked once per batch; true ends the task as `cancelled`. */
  readonly cancelled?: () => boolean;
  /** What `spec.part.from` names. */
  readonly checkpoint?: Uint8Array;
}

/**
 * Does a training: builds its network, draws its rows, trains it and predicts the rows it reports, as
 * bytes. The outcome follows from spec and table alone, to the bit, wherever it runs. Whatever goes
 * wrong is an outcome, never an exception.
 *
 * @param table the decoded table that `spec.data` names; asked for once
 *
 * @example
 * const outcome = runTask(task.spec, () => decodeTable(bytes, task.spec.data));
 */
export function runTask(
  spec: TrainTask,
  table: () => Table,
  options: RunTaskOptions = {},
): TaskOutcome<TrainOutput> {
  // What lies between two tasks belongs to neither.
  options.meter?.take();
  try {
    return attempt(spec, table(), options);
  } catch (error) {
    return failed(failureFrom(error));
  }
}

function attempt(spec: TrainTask, table: Table, options: RunTaskOptions): TaskOutcome<TrainOutput> {
  const { train: training, variant } = spec;
  const { checkpoint, ...watching } = options;
  const { inputs } = table.ref;
  const of = { ...spec, earlyStopping: training.earlyStopping };
  const draw = drawFrom(of, table);
  const { rows, held, features, weights: counts } = draw;
  const learnsInputs = training.semi !== undefined || training.pretrain !== undefined;
  const unlabelled = learnsInputs
    ? drawUnlabelled(of, rowsOf(table, "unlabelled"))
    : rows.subarray(0, 0);
  const network = networkOf(spec, features?.length ?? inputs);
  const trained = train({
    network,
    spec: training,
    variant,
    x: table.x,
    y: table.y,
    sides: table.sides,
    rows,
    ...(counts === undefined ? {} : { weights: counts }),
    ...(held === undefined ? {} : { held }),
    ...(unlabelled.length === 0 ? {} : { unlabelled }),
    ...(features === undefined ? {} : { features }),
    key: memberKey(spec),
    ...(spec.part && { pause: spec.part.until }),
    ...(checkpoint && { from: checkpoint }),
    ...watching,
  });
  if (trained.status === "cancelled") return trained;
  if (trained.status === "nan") {
    const { epoch, layer, op } = trained;
    return failed(failureOf("nan", diverged(epoch, layer, op), { epoch, layer, op }));
  }
  const { weights, curve, epoch, stopped, checkpoint: rest } = trained;
  const predicted = spec.report.map((report): [Report, Uint8Array<ArrayBuffer>] => {
    const reported = REPORTED[report](table, draw);
    const x = gather(table, reported, features);
    return [report, bytesOf(predict(network, weights, x, reported.length))];
  });
  return {
    status: "done",
    output: {
      weights: bytesOf(weights),
      parameters: weights.length,
      predictions: Object.fromEntries(predicted),
      curve,
      epoch,
      stopped,
      ...(options.meter && { profile: options.meter.take() }),
      ...(rest && { checkpoint: rest }),
    },
  };
}

/**
 * The network of a task.
 *
 * @param inputs columns that its member sees
 * @throws ManyfoldError where the model does not fit the data
 */
export function networkOf({ model, data }: TrainTask, inputs: number): Network {
  const { classes, targets, heads } = data;
  return classes > 0
    ? buildNetwork(model, { inputs, task: "classification", outputs: classes, heads })
    : buildNetwork(model, { inputs, task: "regression", outputs: targets, heads });
}

/** The rows of each kind of report, ascending. */
const REPORTED: { readonly [R in Report]: (table: Table, draw: Draw) => Uint32Array } = {
  train: (table) => rowsOf(table, "train"),
  oob: (_, draw) => draw.oob,
  validation: (table) => rowsOf(table, "validation"),
  test: (table) => rowsOf(table, "test"),
};

/** Inputs `[rows, features]` of the rows; all inputs without `features`. */
function gather(
  { x, ref }: Table,
  rows: Uint32Array,
  features: Uint32Array = Uint32Array.from({ length: ref.inputs }, (_, input) => input),
): Float32Array {
  const gathered = new Float32Array(rows.length * features.length);
  let at = 0;
  for (const row of rows) {
    const from = row * ref.inputs;
    for (const feature of features) gathered[at++] = x[from + feature]!;
  }
  return gathered;
}

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** float32 little-endian bytes with a buffer of their own, so that it can be handed over. */
function bytesOf(values: Float32Array): Uint8Array<ArrayBuffer> {
  if (!LITTLE_ENDIAN) return swapped(values);
  const { buffer, byteOffset, byteLength } = values;
  const whole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
  return whole ? new Uint8Array(buffer) : new Uint8Array(buffer, byteOffset, byteLength).slice();
}

function swapped(values: Float32Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (const [index, value] of values.entries()) view.setFloat32(4 * index, value, true);
  return new Uint8Array(view.buffer);
}

function diverged(epoch: number, layer: string, op: string): string {
  return (
    `The training left the finite numbers in epoch ${epoch}, first in layer ${layer} (${op}). ` +
    "A lower learning rate, or scaled inputs, may keep it finite."
  );
}
