import type { CurvePoint } from "@manyfold/protocol";

/**
 * A few words of shared memory between a running task and the thread that watches it. Both sides
 * use it in the middle of synchronous code, and a task that nobody watches pays next to nothing:
 * the task writes its newest point at once, the watcher reads it when it likes.
 */
export interface Control {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly losses: Float64Array<SharedArrayBuffer>;
}

const CANCEL = 0;
const STARTED = 1;
/** Odd while a point is being written, so that a reader never takes half of one. */
const SEQUENCE = 2;
const EPOCH = 3;
const WORDS = 4;
/** Losses: training, held out (NaN where there is none). */
const LOSSES = 2;

/** Memory of a new task. */
export function createControl(): Control {
  return openControl(new SharedArrayBuffer(WORDS * 4 + LOSSES * 8));
}

/** The same memory, seen from the other thread. */
export function openControl(buffer: SharedArrayBuffer): Control {
  return {
    words: new Int32Array(buffer, 0, WORDS),
    losses: new Float64Array(buffer, WORDS * 4, LOSSES),
  };
}

/** Asks the task to stop at its next batch. */
export function requestCancel({ words }: Control): void {
  Atomics.store(words, CANCEL, 1);
}

export function cancelRequested({ words }: Control): boolean {
  return Atomics.load(words, CANCEL) !== 0;
}

/** Says that a thread has taken the task up: its time begins here. */
export function markStarted({ words }: Control): void {
  Atomics.store(words, STARTED, 1);
}

export function hasStarted({ words }: Control): boolean {
  return Atomics.load(words, STARTED) !== 0;
}

/** Says that the thread has gone on to something else. */
export function markEnded({ words }: Control): void {
  Atomics.store(words, STARTED, 2);
}

export function hasEnded({ words }: Control): boolean {
  return Atomics.load(words, STARTED) === 2;
}

/** Leaves a point of the learning curve for the watcher; the one before is overwritten. */
export function writePoint({ words, losses }: Control, point: CurvePoint): void {
  Atomics.add(words, SEQUENCE, 1);
  losses[0] = point.train;
  losses[1] = point.held ?? Number.NaN;
  Atomics.store(words, EPOCH, point.epoch);
  Atomics.add(words, SEQUENCE, 1);
}

/** The newest point; undefined before the first one and while one is being written. */
export function readPoint({ words, losses }: Control): CurvePoint | undefined {
  const before = Atomics.load(words, SEQUENCE);
  const epoch = Atomics.load(words, EPOCH);
  const [train, held] = losses;
  if (before === 0 || before % 2 !== 0 || Atomics.load(words, SEQUENCE) !== before)
    return undefined;
  if (train === undefined || held === undefined) return undefined;
  return Number.isNaN(held) ? { epoch, train } : { epoch, train, held };
}
