import { CurvePoint, ManyfoldError } from "@manyfold/protocol";

/**
 * A training between two epochs: with it the rest gives the bits of a training that was never
 * paused. All else (order of rows, masks, noise, the schedule's place) follows from the job.
 */
export interface Checkpoint {
  /** Epochs done; the cursor into the data and the count of steps follow from it. */
  readonly epoch: number;
  /** `[parameters]`. */
  readonly parameters: Float32Array;
  /** The optimizer's moments, each `[parameters]`. */
  readonly slots: readonly Float32Array[];
  /** The weights that early stopping would return; epoch 0 and empty without any. */
  readonly best: { readonly epoch: number; readonly weights: Float32Array };
  /** The mean of weights that is to be returned, and of how many; count 0 and empty without any. */
  readonly average: { readonly count: number; readonly weights: Float32Array };
  /** So far; what stops a training early and what lowers its rate are told it again. */
  readonly curve: readonly CurvePoint[];
}

const FORMAT = "manyfold-checkpoint";
const HEADER = CurvePoint.array();

/**
 * The bytes of a checkpoint: the length of a header (uint32), the header (JSON), then the numbers as
 * little-endian float32.
 */
export function encodeCheckpoint(checkpoint: Checkpoint) {
  const { epoch, parameters, slots, best, average, curve } = checkpoint;
  const header = {
    format: FORMAT,
    version: 1,
    epoch,
    parameters: parameters.length,
    slots: slots.length,
    best: best.epoch,
    ...(average.count > 0 && { averaged: average.count }),
    curve,
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const arrays = [
    parameters,
    ...slots,
    ...(best.epoch > 0 ? [best.weights] : []),
    ...(average.count > 0 ? [average.weights] : []),
  ];
  const bytes = new Uint8Array(4 + text.length + 4 * parameters.length * arrays.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, text.length, true);
  bytes.set(text, 4);
  let at = 4 + text.length;
  for (const array of arrays) {
    for (let i = 0; i < array.length; i++, at += 4) view.setFloat32(at, array[i]!, true);
  }
  return bytes;
}

/**
 * Reads what {@link encodeCheckpoint} wrote.
 *
 * @throws ManyfoldError where the bytes are none, or of another network or optimizer
 */
export function decodeCheckpoint(
  bytes: Uint8Array,
  wanted: { readonly parameters: number; readonly slots: number },
): Checkpoint {
  const header = headerOf(bytes);
  const { epoch, parameters, slots, best, averaged, curve } = header;
  const first = 1 + slots + (best > 0 ? 1 : 0);
  const count = first + (averaged > 0 ? 1 : 0);
  const isFit =
    parameters === wanted.parameters &&
    slots === wanted.slots &&
    bytes.length === header.end + 4 * parameters * count;
  if (!isFit) throw unfit(`${parameters} weights and ${slots} moments in ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const array = (index: number) =>
    Float32Array.from({ length: parameters }, (_, i) =>
      view.getFloat32(header.end + 4 * (index * parameters + i), true),
    );
  return {
    epoch,
    parameters: array(0),
    slots: Array.from({ length: slots }, (_, slot) => array(1 + slot)),
    best: { epoch: best, weights: best > 0 ? array(1 + slots) : new Float32Array(0) },
    average: { count: averaged, weights: averaged > 0 ? array(first) : new Float32Array(0) },
    curve,
  };
}

function headerOf(bytes: Uint8Array) {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const end = 4 + view.getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.slice(4, end))) as Record<
      "format" | "epoch" | "parameters" | "slots" | "best" | "averaged" | "curve",
      unknown
    >;
    const [epoch, parameters, slots, best, averaged] = [
      Number(header.epoch),
      Number(header.parameters),
      Number(header.slots),
      Number(header.best),
      Number(header.averaged ?? 0),
    ];
    if (
      header.format !== FORMAT ||
      ![epoch, parameters, slots, best, averaged].every(Number.isInteger)
    ) {
      throw new TypeError("No checkpoint.");
    }
    return { end, epoch, parameters, slots, best, averaged, curve: HEADER.parse(header.curve) };
  } catch {
    throw unfit(`${bytes.length} bytes`);
  }
}

function unfit(got: string): ManyfoldError {
  return new ManyfoldError({
    code: "input",
    path: "checkpoint",
    condition: "of the network and the optimizer that it is continued with",
    got,
    help: "The bytes are damaged, or of another task.",
  });
}
