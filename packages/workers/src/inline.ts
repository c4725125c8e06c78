import { type Profile, startMeter } from "@manyfold/core";
import type { Table } from "@manyfold/data";
import type {
  BlobStore,
  Clock,
  CurvePoint,
  Executor,
  ObjectiveTask,
  Timers,
} from "@manyfold/protocol";
import { decodedTables } from "./decoded-tables.ts";
import { executorOver, type Lanes } from "./lanes.ts";
import { overtime, type TaskLimits } from "./limits.ts";
import { taskMemory } from "./memory.ts";
import { prepareVariant } from "./engine.ts";
import { moduleOf } from "./modules.ts";
import { failed, failureFrom, failureOf } from "./outcome.ts";
import { runTask } from "./run-task.ts";
import { runObjective } from "./run-objective.ts";
import { checkpointOf, missingTable, sharedTables } from "./tables.ts";

export interface InlineOptions extends TaskLimits {
  /** Where tables come from and results go. */
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Name of this machine, for people (default "local"). */
  readonly host?: string;
  /** Has tasks measure where their time goes, and is told of each that completed. */
  readonly onProfile?: (profile: Profile, seconds: number) => void;
}

/** Milliseconds between two progress events of a task. */
const PROGRESS = 100;

/**
 * Runs one task at a time in the caller's thread: the plainest executor, and what the others must
 * agree with to the bit. The event loop runs between tasks, not within one, so that `cancel` and
 * an abort reach a task before it begins; limits of time and memory hold within it.
 */
export function inlineExecutor(options: InlineOptions): Executor {
  const { blobs, clock, timers, limits, memory, modules, onProfile, host = "local" } = options;
  const meter = onProfile && startMeter(() => clock.monotonic());
  const load = sharedTables(blobs);
  const decode = decodedTables();
  const memoryOf = taskMemory(memory);

  const lanes: Lanes = {
    kind: "inline",
    slots: 1,
    open: async () => undefined,
    close: async () => undefined,
    async run({ spec }, { signal, onStarted, onProgress }) {
      onStarted("inline");
      const need = memoryOf(spec);
      if (need.status === "failed") return need;
      const bytes = await load(spec.data);
      if (bytes === undefined) return failed(missingTable(spec.data));
      try {
        await prepareVariant(spec.variant);
      } catch (error) {
        return failed(failureFrom(error));
      }
      const checkpoint = await checkpointOf(blobs, spec);
      if (checkpoint !== undefined && "code" in checkpoint) return failed(checkpoint);
      // A turn of the event loop: whoever waits for events gets them, and may cancel this task.
      await timers.sleep(0);
      if (signal.aborted) return failed(failureOf("lost", String(signal.reason)));
      const module = await moduleOf(spec, modules);
      if (typeof module === "object") return failed(module);
      const since = clock.monotonic();
      const longest = limits?.seconds ?? Number.POSITIVE_INFINITY;
      let reported = since;
      const isOver = () => clock.monotonic() - since > longest * 1000;
      if (spec.kind === "objective") {
        const call = { module: module ?? "", checkpoint, isOver, onProgress };
        const table = () => decode(spec.data, bytes);
        const outcome = await callHere(spec, table, { ...call, signal, timers, longest });
        if (outcome.status !== "cancelled") return outcome;
        return failed(
          signal.aborted
            ? failureOf("lost", String(signal.reason))
            : failureOf("timeout", overtime(longest)),
        );
      }
      const outcome = runTask(spec, () => decode(spec.data, bytes), {
        meter,
        cancelled: isOver,
        onEpoch: (point) => {
          const now = clock.monotonic();
          if (now - reported < PROGRESS) return;
          reported = now;
          onProgress(point);
        },
        ...(checkpoint && { checkpoint }),
      });
      if (outcome.status !== "cancelled") return outcome;
      return failed(failureOf("timeout", overtime(longest)));
    },
  };
  return executorOver(lanes, { host, blobs, clock, onProfile });
}

/**
 * A call of the user's own objective in this thread. Its limit of time holds where it awaits
 * something or reports: nobody is left who could end it otherwise.
 */
async function callHere(
  spec: ObjectiveTask,
  table: () => Table,
  call: {
    readonly module: string;
    readonly checkpoint: Uint8Array | undefined;
    readonly signal: AbortSignal;
    readonly timers: Timers;
    readonly longest: number;
    readonly isOver: () => boolean;
    readonly onProgress: (point: CurvePoint) => void;
  },
) {
  const { module, checkpoint, timers, longest, isOver, onProgress } = call;
  const late = new AbortController();
  const done = new AbortController();
  if (Number.isFinite(longest)) {
    timers.sleep(longest * 1000, done.signal).then(
      () => late.abort(),
      () => undefined,
    );
  }
  try {
    return await runObjective(spec, table, {
      module,
      signal: AbortSignal.any([call.signal, late.signal]),
      cancelled: isOver,
      onReport: onProgress,
      ...(checkpoint && { checkpoint }),
    });
  } finally {
    done.abort();
  }
}
