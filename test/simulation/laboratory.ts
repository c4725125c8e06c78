import { decodeTable, prepare, rawTable, type Table } from "@manyfold/data";
import { hashOf, memoryBlobs, memoryJournal, parseCsv } from "@manyfold/files";
import { begin, type RunState, runToEnd, type Setting } from "@manyfold/coordinator";
import {
  type Clock,
  Experiment,
  type ExperimentInput,
  type Hash,
  type JournalRecord,
  type Task,
  type Timers,
} from "@manyfold/protocol";
import { type AttemptOutcome, inlineExecutor, runTask } from "@manyfold/workers";

/** An experiment, its data, and what it comes to where nothing goes wrong. */
export interface Subject {
  readonly name: string;
  readonly tables: readonly Uint8Array[];
  created(run: string): JournalRecord;
  /** The state of a run without faults, on the inline executor. */
  readonly truth: RunState;
  readonly ledger: Hash;
  /** What a task yields, computed once. */
  outcome(task: Task): AttemptOutcome;
}

export const SETTING: Setting = {
  executor: "simulated",
  host: "here",
  node: "none",
  manyfold: "simulation",
};

const rows = Array.from({ length: 30 }, (_, row) => {
  const wave = (stride: number) => (((row * 37 * stride + stride) % 101) / 101).toFixed(3);
  return [(row % 3) + Number(wave(1)), wave(3), ["ash", "birch", "cedar"][row % 3]].join(",");
});
const TEXT = ["a,b,kind", ...rows, ""].join("\n");

const common = {
  version: 1 as const,
  seed: 5,
  data: {
    source: "trees.csv",
    target: "kind",
    task: "classification" as const,
    split: { test: 0.25, stratify: true },
  },
  model: { layers: [{ dense: { units: 2, activation: "tanh" as const } }] },
  train: { epochs: 2, batch: 8 },
} satisfies Partial<ExperimentInput>;

const EXPERIMENTS: readonly ExperimentInput[] = [
  { ...common, name: "bag", ensemble: { bagging: { members: 4 } } },
  {
    ...common,
    name: "search",
    search: {
      sampler: "tpe",
      trials: 3,
      lag: 1,
      space: { "train.batch": { categorical: [4, 8, 16] } },
    },
  },
];

const clock: Clock = { now: () => 0, monotonic: () => 0 };
const timers: Timers = {
  sleep: () => new Promise((resolve) => setImmediate(resolve)),
  every: () => () => undefined,
};

/** More tasks than go out before anybody knows how short they are: the rest travels in bundles. */
const SWARM: ExperimentInput = {
  ...common,
  name: "swarm",
  ensemble: { bagging: { members: 88 } },
};

export interface Subjects {
  /** Those that a seed chooses among. */
  readonly usual: readonly Subject[];
  /** Of very short tasks. */
  readonly swarm: Subject;
}

/** Prepares the experiments of the simulation and runs each without any fault. */
export async function openSubjects(): Promise<Subjects> {
  return {
    usual: await Promise.all(EXPERIMENTS.map(openSubject)),
    swarm: await openSubject(SWARM),
  };
}

async function openSubject(input: ExperimentInput): Promise<Subject> {
  const experiment = Experiment.parse(input);
  const cells = parseCsv(new TextEncoder().encode(TEXT), "trees.csv");
  const raw = rawTable(cells, experiment.data);
  const { data, tables } = prepare(raw, experiment, hashOf);
  const created = (run: string): JournalRecord => ({
    type: "created",
    version: 1,
    run,
    experiment,
    variant: "js",
    data,
    time: 0,
    manyfold: "simulation",
  });
  const blobs = memoryBlobs();
  for (const bytes of tables) await blobs.put(bytes);
  const journal = memoryJournal([created("truth")]);
  const truth = begin(created("truth"));
  const executor = inlineExecutor({ blobs, clock, timers });
  const world = { journal, blobs, executor, clock };
  const ending = await runToEnd(truth, world, SETTING, () => Promise.resolve());
  await executor.close();
  if (ending.status !== "done") throw new Error(`${experiment.name} ended as ${ending.status}`);

  const byHash = new Map(tables.map((bytes) => [hashOf(bytes), bytes]));
  const outcomes = new Map<Hash, AttemptOutcome>();
  const compute = ({ spec }: Task): AttemptOutcome => {
    const bytes = byHash.get(spec.data.hash);
    const table = (): Table => {
      if (bytes === undefined) throw new Error("no such table");
      return decodeTable(bytes, spec.data);
    };
    if (spec.kind !== "train") throw new Error("a task of another kind");
    const outcome = runTask(spec, table);
    if (outcome.status === "cancelled") throw new Error("nobody cancelled it");
    return outcome;
  };
  return {
    name: experiment.name,
    tables,
    created,
    truth,
    ledger: ending.report.result.ledger,
    outcome(task) {
      const known = outcomes.get(task.id) ?? compute(task);
      outcomes.set(task.id, known);
      return known;
    },
  };
}
