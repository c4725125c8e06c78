import type {
  BlobStore,
  Clock,
  Executor,
  Hash,
  Journal,
  JournalRecord,
  Task,
  TaskEvent,
  TaskKey,
} from "@manyfold/protocol";
import { assessTrial, confirmTrial, dueConfirmations, dueTrials } from "./assess.ts";
import { isWeighingDue, weigh } from "./enough.ts";
import { choose, isChoiceDue } from "./from-search.ts";
import { createFeed } from "./feed.ts";
import { decideFreely, isFree } from "./decisions.ts";
import { plan, tasksPerCell } from "./plan.ts";
import { verdict } from "./retry.ts";
import type { RunState } from "./state.ts";
import { fold, nextAttempt, outcomeOf } from "./state.ts";
import { begunCells, CLOCKS, usedUp } from "./stop.ts";
import { cellCount, isSearched, paramsOf } from "./trials.ts";

/** Where a run happens: all that touches the world is handed in. */
export interface Surroundings {
  readonly journal: Journal;
  readonly blobs: BlobStore;
  readonly executor: Executor;
  readonly clock: Clock;
  /** Told of events after they are durable. */
  readonly observe?: (event: TaskEvent, state: RunState) => void;
  /** Once aborted, nothing new is started and what runs is let finish. */
  readonly drain?: AbortSignal;
}

type Finding<Type = "assessed" | "confirmed" | "weighed" | "chosen"> = Type extends unknown
  ? Omit<Extract<JournalRecord, { type: Type }>, "time">
  : never;

/** Tasks handed to an executor ahead of its free slots, so that a slot never waits for a plan. */
const AHEAD = 2;

/** Appends records and folds them: the only way a state changes. */
export async function record(
  state: RunState,
  journal: Journal,
  records: readonly JournalRecord[],
): Promise<void> {
  await journal.append(state.length, records);
  for (const each of records) fold(state, each);
}

/**
 * Runs what the plan wants until nothing is left, the run is drained, or something that is not a
 * task's failure goes wrong (then it throws, and the journal is as good as after a crash).
 *
 * @returns whether nothing is left to do.
 */
export async function drive(state: RunState, world: Surroundings): Promise<boolean> {
  const { journal, blobs, executor, clock } = world;
  const { description } = executor;
  // Asked each time: an executor has more slots when workers join.
  const window = () => Math.max(description.slots * AHEAD, description.slots + 4);
  const inFlight = new Map<Hash, TaskKey>();
  const feed = createFeed<Task>();
  const abort = new AbortController();
  const pending: TaskEvent[] = [];
  let writing: Promise<void> | undefined;
  let broken: { cause: unknown } | undefined;

  const drained = () => world.drain?.aborted ?? false;

  const refill = () => {
    if (drained()) {
      for (const task of feed.abandon()) inFlight.delete(task.id);
      return;
    }
    // In free order nothing is decided ahead of a free slot.
    const room = isFree(state) && !isSearched(state) ? description.slots : window();
    for (const { id, key, spec } of plan(state, inFlight, room - inFlight.size)) {
      inFlight.set(id, key);
      feed.push({ id, attempt: nextAttempt(state, id), spec });
    }
    if (inFlight.size === 0) feed.close();
  };

  const assess = async () => {
    // An assessment may propose a trial whose tasks have all ended: a setting that was tried before.
    const due = () => dueTrials(state, inFlight);
    const note = (one: Finding) => record(state, journal, [{ ...one, time: clock.now() }]);
    for (let trials = due(); trials.length > 0; trials = due()) {
      for (const trial of trials) {
        const assessment = await assessTrial(state, blobs, trial);
        const params = paramsOf(state, trial.trial) ?? {};
        await note({ type: "assessed", ...assessment, params });
      }
    }
    for (const trial of dueConfirmations(state)) {
      await note({ type: "confirmed", trial, cells: await confirmTrial(state, blobs, trial) });
    }
    if (isChoiceDue(state)) await note({ type: "chosen", ...(await choose(state, blobs)) });
    if (isWeighingDue(state, inFlight)) {
      await note({ type: "weighed", ...(await weigh(state, blobs)) });
    }
  };

  /** In free order: as many decisions as there are slots without a task. */
  const decide = async () => {
    while (isFree(state) && !drained()) {
      const free = description.slots - inFlight.size;
      const idle = free - plan(state, inFlight, free).length;
      const decided = idle > 0 && decideFreely(state, Math.ceil(idle / tasksPerCell(state)));
      if (!decided) return;
      await record(state, journal, [{ type: "decided", ...decided, time: clock.now() }]);
      // A setting that was tried before has no task left to do.
      await assess();
    }
  };

  /** Ends the search where a budget of it is used up: between tasks, and on record. */
  const stop = async () => {
    const by = usedUp(state, clock.now());
    if (by === undefined) return;
    if (CLOCKS.has(by)) for (const task of feed.reclaim()) inFlight.delete(task.id);
    // What results decided ends at their decision, whoever has begun how much of it.
    const cells = CLOCKS.has(by) ? begunCells(state, inFlight) : cellCount(state);
    await record(state, journal, [{ type: "stopped", by, cells, time: clock.now() }]);
  };

  /** Instead of a failure that would end its task, a success that came late counts. */
  const rescued = async (event: TaskEvent): Promise<TaskEvent> => {
    if (event.type !== "failed" || event.shut) return event;
    const { task, attempt } = event;
    const last = verdict([...(state.failures.get(task) ?? []), event.failure]);
    const found = last && (await executor.lateSuccess?.(task));
    const copies = event.copies !== undefined && { copies: event.copies };
    return found ? { type: "completed", task, attempt, ...found, ...copies } : event;
  };

  /**
   * A last failure is made known where results are kept, once the journal has it: one that was shut
   * out of the journal would else end what another coordinator still tries.
   */
  const conclude = async ({ type, task }: TaskEvent) => {
    const outcome = type === "failed" ? outcomeOf(state, task) : undefined;
    if (outcome && "code" in outcome) await executor.conclude?.(task, outcome);
  };

  /** Writes what has come in, all at once, then plans on; one writer at a time. */
  const flush = async () => {
    try {
      while (pending.length > 0) {
        const events = await Promise.all(pending.splice(0).map((event) => rescued(event)));
        await record(
          state,
          journal,
          events.flatMap((event) => recordOf(event, inFlight.get(event.task), clock.now())),
        );
        await Promise.all(events.map((event) => conclude(event)));
        for (const event of events) {
          inFlight.delete(event.task);
          world.observe?.(event, state);
        }
        await assess();
        await stop();
        await decide();
        refill();
      }
    } catch (cause) {
      broken = { cause };
      feed.abandon();
      abort.abort();
    } finally {
      // In the same turn as the last look at `pending`, so that no event slips in between.
      writing = undefined;
    }
  };

  const commit = (event: TaskEvent) => {
    pending.push(event);
    if (!broken) writing ??= flush();
  };

  // A resumed run may have stopped between a trial's last result and its assessment.
  await assess();
  await stop();
  await decide();
  refill();
  world.drain?.addEventListener("abort", refill, { once: true });
  try {
    for await (const event of executor.run(feed, { signal: abort.signal })) {
      if (event.type === "completed" || event.type === "failed") commit(event);
      else world.observe?.(event, state);
    }
    while (writing) await writing;
  } finally {
    world.drain?.removeEventListener("abort", refill);
  }
  if (broken) throw broken.cause;
  return plan(state, new Set(), 1).length === 0;
}

function recordOf(event: TaskEvent, key: TaskKey | undefined, time: number): JournalRecord[] {
  switch (event.type) {
    case "completed":
      return [{ ...event, ...(key && { key }), time }];
    case "failed": {
      // An executor that was closed has not lost its tasks: they are open as before.
      const { shut, ...rest } = event;
      return shut ? [] : [{ ...rest, ...(key && { key }), time }];
    }
    case "started":
    case "progress":
      return [];
  }
}
