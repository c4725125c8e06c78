import type { Executor, Hash, Task, TaskEvent, TaskResult } from "@manyfold/protocol";
import type { RunState, Surroundings } from "@manyfold/coordinator";
import { allTasks, begin, drive, fold, ledgerOf } from "@manyfold/coordinator";
import { elementary, fold as foldKey, key, normals, uniforms } from "@manyfold/core";
import { decodeTable, prepare, rawTable } from "@manyfold/data";
import { memoryBlobs } from "@manyfold/files";
import { Experiment, hashJson } from "@manyfold/protocol";
import type { ExperimentInput, Journal, JournalRecord } from "@manyfold/protocol";

/*
 * Searches in virtual time: the real coordinator drives an executor whose tasks take as long as they
 * are told to. What a task yields follows from its setting alone, so that thousands of trials cost
 * nothing but their decisions.
 */

/** How a farm works. Everything is drawn from keys of task and attempt. */
export interface Farm {
  readonly slots: number;
  /** Virtual seconds that an attempt takes. */
  readonly seconds: (task: Hash, attempt: number) => number;
  /** Slots of a worker: they are lost together. Default: one. */
  readonly perWorker?: number;
  /** Mean virtual seconds between two losses of the same worker; none are lost without it. */
  readonly lostEvery?: number;
  /** Virtual seconds until a lost worker is noticed, and until it is back. */
  readonly lostFor?: number;
  /** Adds the coordinator's own processor time to the virtual clock. */
  readonly charged?: boolean;
}

/** What happens to the coordinator. */
export interface Fate {
  /** Lengths of the journal at which it is killed; it starts anew from what was written. */
  readonly dies?: readonly number[];
  /** Once nothing is left to do, the search is asked to go on to so many trials. */
  readonly grow?: number;
}

export interface Study {
  readonly state: RunState;
  readonly ledger: Hash;
  readonly records: readonly JournalRecord[];
  /** Virtual seconds until nothing was left, and those that slots were at work, summed. */
  readonly seconds: number;
  readonly busy: number;
  /** Most tasks at once. */
  readonly most: number;
  readonly lost: number;
  /** Seconds of processor time, the executor's included. */
  readonly cpu: number;
}

const share = (task: Hash, what: string, index = 0) =>
  uniforms(foldKey(key(3), `${what} ${task}`, index), 1)[0] ?? 0;

/** A duration drawn from a lognormal distribution of this median. */
export const lognormal = (median: number, sigma: number) => (task: Hash, attempt: number) => {
  const [z = 0] = normals(foldKey(key(4), task, attempt), 1);
  return median * elementary.exp(sigma * z);
};

/** Twenty rows of a line: what is learned does not matter. */
function createdOf(input: ExperimentInput) {
  const experiment = Experiment.parse(input);
  const rows = Array.from({ length: 20 }, (_, row) => [String(row), String(2 * row + 1)]);
  const lines = rows.map((_, row) => row + 2);
  const cells = { source: "lines.csv", hash: hashJson(rows), header: ["x", "y"], rows, lines };
  const { data, tables } = prepare(rawTable(cells, experiment.data), experiment);
  const [version, variant] = [1, "js"] as const;
  const created: JournalRecord = {
    type: "created",
    version,
    run: "virtual",
    experiment,
    variant,
    data,
    time: 0,
    manyfold: "0",
  };
  return { created, tables };
}

/** A search on data of its own; `search` as in a configuration. */
export function searchOf(search: object, epochs = 9): ExperimentInput {
  return {
    version: 1,
    name: "lines",
    data: { source: "lines.csv", target: "y", task: "regression" },
    model: { layers: [{ dense: { units: 4, activation: "tanh" } }] },
    train: { epochs },
    search: {
      trials: 20,
      lag: 3,
      space: {
        "train.optimizer.adam.lr": { float: [0.001, 1], scale: "log", steps: 12 },
        "model.layers.0.dense.units": { int: [1, 16], steps: 12 },
      },
      ...search,
    },
  } as ExperimentInput;
}

/** How good a task's setting is: a valley in two parameters, and longer trainings are better. */
function worth({ id, spec }: Task, noise: number): number {
  if (spec.kind !== "train") throw new TypeError("Only networks are trained here.");
  const lr = "adam" in spec.train.optimizer ? spec.train.optimizer.adam.lr : 1;
  const [layer] = spec.model.layers;
  const units = layer && "dense" in layer ? layer.dense.units : 1;
  const far = Math.abs(elementary.log(lr / 0.03)) + Math.abs(units - 12) / 16;
  const done = (spec.part?.until ?? spec.train.epochs) / spec.train.epochs;
  return far + 1 - done + noise * (share(id, "noise") - 0.5);
}

/** Runs a search to the end of its trials and its final fit. */
export async function study(
  input: ExperimentInput,
  farm: Farm,
  { dies = [], grow }: Fate = {},
  { noise = 0.3, failing = 0 } = {},
): Promise<Study> {
  const { created, tables } = createdOf(input);
  const blobs = memoryBlobs();
  for (const bytes of tables) await blobs.put(bytes);
  const heldOf = new Map(
    tables.map((bytes) => {
      const { roles, ref } = decodeTable(bytes);
      return [ref.hash, roles.filter((role) => role === 1).length];
    }),
  );
  const yieldOf = async (task: Task): Promise<TaskResult> => {
    if (task.spec.kind !== "train") throw new TypeError("Only networks are trained here.");
    const held = Math.max(1, heldOf.get(task.spec.data.hash) ?? 0);
    const values = new Float32Array(held).fill(worth(task, noise));
    const checkpoint = { hash: hashJson([task.id, "checkpoint"]), bytes: 1 };
    return {
      weights: { hash: task.id, bytes: 1 },
      parameters: 1,
      predictions: { validation: await blobs.put(new Uint8Array(values.buffer)) },
      curve: [],
      epoch: task.spec.part?.until ?? task.spec.train.epochs,
      stopped: false,
      ...(task.spec.part && { checkpoint }),
    };
  };

  const records: JournalRecord[] = [created];
  const deaths = new Set(dies);
  const journal = (): Journal => {
    let alive = true;
    return {
      async *read(from) {
        yield* records.slice(from);
      },
      append: (_, more) => {
        for (const one of more) {
          if (!alive) break;
          records.push(one);
          // What comes after in the same append is lost with the coordinator.
          alive = !deaths.delete(records.length);
        }
        return alive ? Promise.resolve(records.length) : Promise.reject(new Error("killed"));
      },
      close: () => Promise.resolve(),
    };
  };
  const world = createFarm(farm, yieldOf, failing);
  const began = process.cpuUsage();
  for (let grown = grow === undefined; ;) {
    const [first, ...rest] = records as [JournalRecord, ...JournalRecord[]];
    const state = rest.reduce(fold, begin(first));
    const executor = world.executor();
    const surroundings: Surroundings = { journal: journal(), blobs, executor, clock: world.clock };
    try {
      await drive(state, surroundings);
    } catch (error) {
      if ((error as Error).message !== "killed") throw error;
      continue;
    }
    if (!grown) {
      grown = true;
      records.push({ type: "grown", trials: grow ?? 0, time: world.clock.now() });
      continue;
    }
    const { user, system } = process.cpuUsage(began);
    return {
      state,
      records,
      ledger: ledgerOf(state, allTasks(state)),
      ...world.sums(),
      cpu: (user + system) / 1e6,
    };
  }
}

interface Running {
  readonly task: Task;
  readonly begun: number;
  readonly end: number;
  readonly slot: number;
  readonly isLost: boolean;
}

/** Slots in virtual time. Each executor of it is one coordinator's; time goes on over its deaths. */
function createFarm(
  { slots, seconds, perWorker = 1, lostEvery, lostFor = 30, charged = false }: Farm,
  yieldOf: (task: Task) => Promise<TaskResult>,
  failing: number,
) {
  let [now, busy, most, lost] = [0, 0, 0, 0];
  const clock = { now: () => now * 1000, monotonic: () => now * 1000 };
  const workerOf = (slot: number) => Math.floor(slot / perWorker);
  const lossAfter = (worker: number, count: number) => {
    const [u = 0] = uniforms(foldKey(key(5), `worker ${worker}`, count), 1);
    return lostEvery === undefined ? Infinity : -lostEvery * elementary.log(1 - u);
  };
  const workers = Array.from({ length: Math.ceil(slots / perWorker) }, (_, worker) => ({
    losses: 0,
    next: lossAfter(worker, 0),
    backAt: 0,
  }));

  const executor = (): Executor => ({
    description: { kind: "virtual", slots, host: "nowhere" },
    async *run(tasks, { signal }) {
      const source = tasks[Symbol.asyncIterator]();
      const arrived: Task[] = [];
      let running: Running[] = [];
      const free = Array.from({ length: slots }, (_, slot) => slot);
      let [closed, asked] = [false, false];
      const ask = () => {
        if (asked || closed || free.length === 0) return;
        asked = true;
        void source.next().then(({ done, value }) => {
          asked = false;
          if (done === true) closed = true;
          else arrived.push(value);
        });
      };
      const start = (task: Task) => {
        const there = free.findIndex((slot) => (workers[workerOf(slot)]?.backAt ?? 0) <= now);
        const [slot = 0] = free.splice(Math.max(0, there), 1);
        const begun = Math.max(now, workers[workerOf(slot)]?.backAt ?? 0);
        const end = begun + seconds(task.id, task.attempt);
        running.push({ task, slot, begun, end, isLost: false });
      };
      /** Takes a worker away; that its attempts are lost is noticed later. */
      const lose = (worker: number, at: number) => {
        const own = workers[worker];
        if (own === undefined) return;
        own.backAt = at + lostFor;
        own.losses += 1;
        own.next = own.backAt + lossAfter(worker, own.losses);
        running = running.map((one) => {
          if (workerOf(one.slot) !== worker || one.isLost || one.begun > at) return one;
          busy += at - one.begun;
          return { ...one, begun: own.backAt, end: own.backAt, isLost: true };
        });
      };

      let stamp = process.cpuUsage();
      for (;;) {
        // The coordinator does what it has to do at this moment; then time goes on.
        for (let quiet = 0; quiet < 2; quiet++) {
          ask();
          await new Promise((resolve) => setImmediate(resolve));
          const task = arrived.shift();
          if (task === undefined) continue;
          start(task);
          quiet = -1;
        }
        if (charged) {
          const { user, system } = process.cpuUsage(stamp);
          now += (user + system) / 1e6;
          stamp = process.cpuUsage();
        }
        if (signal.aborted || (closed && running.length === 0)) return;
        most = Math.max(most, running.length);
        const next = running.reduce<Running | undefined>(
          (first, one) => (first === undefined || one.end < first.end ? one : first),
          undefined,
        );
        if (next === undefined) continue;
        const losing = workers.reduce((first, one) => (one.next < first.next ? one : first));
        if (losing.next < next.end) {
          lose(workers.indexOf(losing), losing.next);
          continue;
        }
        running.splice(running.indexOf(next), 1);
        free.push(next.slot);
        now = Math.max(now, next.end);
        busy += next.end - next.begun;
        if (next.isLost) lost += 1;
        yield await eventOf(next);
      }
    },
    cancel: () => undefined,
    close: () => Promise.resolve(),
  });
  const eventOf = async ({ task, begun, end, isLost }: Running): Promise<TaskEvent> => {
    const { id, attempt } = task;
    const common = { task: id, attempt, worker: "w", seconds: end - begun };
    if (isLost) {
      const failure = { code: "lost", message: "Gone.", permanent: false } as const;
      return { type: "failed", ...common, failure };
    }
    if (share(id, "fails") >= failing) {
      return { type: "completed", ...common, result: await yieldOf(task) };
    }
    const failure = { code: "nan", message: "It diverged.", permanent: true } as const;
    return { type: "failed", ...common, failure };
  };
  return { clock, executor, sums: () => ({ seconds: now, busy, most, lost }) };
}
