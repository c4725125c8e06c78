import { allTasks, begin, fold, ledgerOf, type RunState } from "@manyfold/coordinator";
import { memoryBlobs } from "@manyfold/files";
import { type BlobStore, ManyfoldError, type JournalRecord } from "@manyfold/protocol";
import {
  namesOf,
  natsJournal,
  type NatsWorker,
  tidyTasks,
  type Transport,
} from "@manyfold/workers/nats";
import { coordinate, type Folder, LEASE, labour, newFolder, RUN } from "./actors.ts";
import { type Broker, createBroker } from "./broker.ts";
import { describeFault, type Fault, type Plan, planOf, STORM } from "./faults.ts";
import type { Subject, Subjects } from "./laboratory.ts";
import { CALM, createNetwork } from "./network.ts";
import { randomOf } from "./random.ts";
import { createWorld, type Process } from "./world.ts";

/** What came of a schedule. */
export interface Result {
  readonly seed: number;
  readonly plan: Plan;
  /** Name of the experiment. */
  readonly subject: string;
  /** What did not hold; empty where all did. */
  readonly violations: readonly string[];
  /** Tasks given up after three lost attempts, as the retry policy wants it. */
  readonly givenUp: number;
  /** Copies of slow attempts, as the journal counts them. */
  readonly copies: number;
  readonly virtualSeconds: number;
  readonly trace: readonly string[];
}

/** Virtual milliseconds within which a run has to be over once the storm is. */
const PATIENCE = 20 * 60_000;
const names = namesOf("sim");
/** Of so many seeds one has many short tasks. */
const SWARMING = 10;
/** Longest training of one seed in ten, in milliseconds: it outlives a lease that nobody renews. */
const LONG = 3000 * LEASE;
/** The first worker of one seed in ten is slow, by so many times. */
const SLOW = 20;
/** A run of short tasks is over soon: what goes wrong in it goes wrong early. */
const sooner = (fault: Fault): Fault => ({ ...fault, at: fault.at / 6 });

interface Coordinator {
  readonly process: Process;
  readonly folder: Folder;
}
interface Worker {
  readonly process: Process;
  readonly link: Transport;
  readonly running: Promise<NatsWorker>;
  ended: boolean;
}

/**
 * Runs one seed's schedule: real coordinator and workers, simulated time, network and server.
 *
 * @param options `faults` in place of those that the seed draws
 */
export async function runSchedule(
  seed: number,
  subjects: Subjects,
  {
    tracing = false,
    faults,
  }: { readonly tracing?: boolean; readonly faults?: readonly Fault[] } = {},
): Promise<Result> {
  const random = randomOf(seed);
  const drawn = planOf(random, subjects.usual.length);
  // Many short tasks are what travels together, and what a schedule takes longest for.
  const swarming = seed % SWARMING === 2;
  const plan: Plan = {
    ...drawn,
    ...(swarming && { training: 40, faults: drawn.faults.map(sooner) }),
    ...(seed % SWARMING === 6 && { training: LONG }),
    ...(faults !== undefined && { faults }),
  };
  const limping = seed % SWARMING === 4;
  const subject = swarming ? subjects.swarm : subjects.usual[plan.subject];
  if (subject === undefined) throw new Error("no such subject");
  const world = createWorld();
  const broker = createBroker(() => world.now);
  const network = createNetwork(world, broker, random);
  network.weather = plan.weather;
  const trace: string[] = [];
  const violations: string[] = [];
  const say = (text: string) => {
    if (tracing) trace.push(`${world.now.toFixed(1).padStart(9)}  ${text}`);
  };

  // Only the loss of what was stored leaves something for the analysis to find.
  const assessed = losesPower(plan) || seed % 16 === 0;
  let boots = 0;
  let coordinators: Coordinator[] = [];
  let folder = newFolder();
  let done = false;
  const processes: Process[] = [];
  const open = (name: string): Process => {
    const process = world.process(`${name}-${++boots}`);
    processes.push(process);
    return process;
  };

  const start = (where: Folder, takeOver = false) => {
    if (done) return;
    const process = open("coordinator");
    folder = where;
    const own: Coordinator = { process, folder: where };
    coordinators.push(own);
    say(`${process.name} starts`);
    const link = network.connect(process);
    const forget = () => (coordinators = coordinators.filter((one) => one !== own));
    coordinate(process, link, names, where, subject, { assessed, takeOver }).then(
      () => {
        say(`${process.name} ends`);
        forget();
        done = true;
      },
      (error: unknown) => {
        say(`${process.name} ends: ${String(error)}`);
        forget();
        void link.close();
        if (!(error instanceof ManyfoldError)) {
          violations.push(`${process.name} threw ${String(error)}`);
        } else if (error.code === "internal") violations.push(`${process.name}: ${error.message}`);
        // As people would: they resume it, elsewhere if it does not go on there.
        const next = error instanceof ManyfoldError && error.code === "journal";
        world.at(world.now + 1000, undefined, () => {
          if (!coordinators.some((one) => one.process.alive)) start(next ? newFolder() : where);
        });
      },
    );
  };

  const caches = new Map<number, BlobStore>();
  const workers = new Map<number, Worker>();
  const everyone: Worker[] = [];
  const join = (place: number) => {
    if (done) return;
    const cache = caches.get(place) ?? memoryBlobs();
    caches.set(place, cache);
    const process = open(`worker${place}`);
    const link = network.connect(process);
    const { slots } = plan;
    const training = limping && place === 0 ? SLOW * plan.training : plan.training;
    say(`${process.name} starts`);
    const running = labour(process, link, names, cache, subject, { slots, training, random });
    const worker: Worker = { process, link, running, ended: false };
    workers.set(place, worker);
    everyone.push(worker);
    running
      .then(({ ended }) => ended)
      .then(
        () => {
          worker.ended = true;
          say(`${process.name} ends`);
          return link.close();
        },
        (error: unknown) => {
          worker.ended = true;
          void link.close();
          violations.push(`${process.name} threw ${String(error)}`);
        },
      );
  };
  const kill = (process: Process) => {
    process.kill();
    network.bury(process);
  };
  const drain = (worker: Worker) => {
    worker.running.then((one) => one.drain()).catch(() => undefined);
  };

  const processOf = (who: number) =>
    who < 0 ? coordinators.at(-1)?.process : workers.get(who)?.process;
  const takeover = (milliseconds: number, elsewhere: boolean, takesOver = false) => {
    const here = folder;
    world.at(world.now + milliseconds, undefined, () => {
      // A run that nobody but its first folder knows of is resumed there.
      const known = broker.streams.includes(names.log) && broker.state(names.log).messages > 0;
      start(elsewhere && known ? newFolder() : here, takesOver);
    });
  };
  const strike = (fault: Fault) => {
    if (done) return;
    say(`!! ${describeFault(fault)}`);
    effects[fault.kind](fault as never);
  };
  const later = (milliseconds: number, action: () => void) =>
    void world.at(world.now + milliseconds, undefined, action);
  const effects: { [K in Fault["kind"]]: (fault: Extract<Fault, { kind: K }>) => void } = {
    "worker killed": ({ worker, back }) => {
      const one = workers.get(worker);
      if (one) kill(one.process);
      later(back, () => join(worker));
    },
    "worker stopped": ({ worker, for: lasts }) => {
      const process = workers.get(worker)?.process;
      process?.stop();
      later(lasts, () => process?.proceed());
    },
    "worker drained": ({ worker, back }) => {
      const one = workers.get(worker);
      if (one) drain(one);
      later(back, () => join(worker));
    },
    "worker joins": () => join(10 + workers.size),
    "coordinator killed": ({ takeover: after, elsewhere }) => {
      for (const { process } of coordinators) kill(process);
      coordinators = [];
      takeover(after, elsewhere);
    },
    "coordinator stopped": ({ for: lasts, takeover: after, elsewhere, takesOver }) => {
      const process = coordinators.at(-1)?.process;
      process?.stop();
      later(lasts, () => process?.proceed());
      if (after !== undefined) takeover(after, elsewhere, takesOver);
    },
    "server restarted": ({ for: lasts, power }) => {
      broker.crash(random, power);
      network.restart(lasts);
    },
    "link cut": ({ who, for: lasts }) => {
      const process = processOf(who);
      if (process) network.cut(process, lasts);
    },
    "clock set": ({ who, by }) => processOf(who)?.shift(by),
    "stream full": ({ stream, for: lasts }) => {
      const name =
        [names.tasks, names.results, names.log, names.blobs, names.leases][stream] ?? names.tasks;
      broker.full.add(name);
      later(lasts, () => broker.full.delete(name));
    },
  };

  start(folder);
  for (let place = 0; place < plan.workers; place++) {
    later(random.between(0, 500), () => join(place));
  }
  for (const fault of plan.faults) world.at(fault.at, undefined, () => strike(fault));
  world.at(STORM, undefined, () => (network.weather = CALM));

  if (!(await world.run(() => done, STORM + PATIENCE))) violations.push("the run does not end");
  network.weather = CALM;
  if (losesPower(plan) && done && !isFinished(broker)) {
    // The server has lost the end of what the run's folder has: it is resumed there.
    say("the log has lost its end");
    done = false;
    start(folder, true);
    join(20);
    if (!(await world.run(() => done, world.now + PATIENCE))) {
      violations.push("the run does not end again");
    }
  }
  const quiet = () =>
    coordinators.length === 0 && everyone.every((one) => one.ended || !one.process.alive);
  for (const one of everyone) drain(one);
  if (!(await world.run(quiet, world.now + PATIENCE))) {
    violations.push("workers or coordinators do not end");
  }
  await world.run(() => false, world.now + 4000 * LEASE);

  const verified = await verify(broker, subject, plan, () => {
    const process = open("reader");
    return { link: network.connect(process), world };
  });
  violations.push(...verified.violations);
  for (const { name, waiting, alive } of processes) {
    if (alive && waiting > 0) violations.push(`${name} has left ${waiting} timers`);
  }
  if (network.interests > 0) violations.push(`${network.interests} subscriptions are left`);
  return {
    seed,
    plan,
    subject: subject.name,
    violations,
    givenUp: verified.givenUp,
    copies: verified.copies,
    virtualSeconds: world.now / 1000,
    trace,
  };
}

function losesPower({ faults }: Plan): boolean {
  return faults.some((fault) => fault.kind === "server restarted" && fault.power);
}

function isFinished(broker: Broker): boolean {
  const last = broker.get(names.log, { last: names.logOf(RUN) });
  return last !== undefined && new TextDecoder().decode(last.data).includes('"type":"finished"');
}

/** What has to hold when all is over. */
async function verify(
  broker: Broker,
  subject: Subject,
  plan: Plan,
  open: () => { link: Transport; world: ReturnType<typeof createWorld> },
): Promise<{ violations: string[]; givenUp: number; copies: number }> {
  const violations: string[] = [];
  const { link, world } = open();
  const records: JournalRecord[] = [];
  let read = false;
  const collect = async () => {
    // As the next run on this server would.
    await tidyTasks(link, names);
    const journal = await natsJournal(link, names, RUN);
    for await (const each of journal.read(0)) records.push(each);
    await journal.close();
    await link.close();
    read = true;
  };
  const reading = collect();
  await world.run(() => read, world.now + PATIENCE);
  if (!read) return { violations: ["the log cannot be read"], givenUp: 0, copies: 0 };
  await reading;
  const [created, ...others] = records;
  if (created === undefined) return { violations: ["the log is empty"], givenUp: 0, copies: 0 };
  const state: RunState = others.reduce(fold, begin(created));

  const power = losesPower(plan);
  const completions = new Map<string, number>();
  const attempts = new Set<string>();
  for (const record of records) {
    if (record.type !== "completed" && record.type !== "failed") continue;
    const { task, attempt } = record;
    if (attempts.has(`${task}.${attempt}`) && !power) {
      violations.push(`attempt ${attempt} of ${task.slice(0, 8)} is in the journal twice`);
    }
    attempts.add(`${task}.${attempt}`);
    if (record.type === "completed") completions.set(task, (completions.get(task) ?? 0) + 1);
    else if (record.failure.code !== "lost" && !power) {
      violations.push(
        `${task.slice(0, 8)} failed: ${record.failure.code} ${record.failure.message}`,
      );
    }
  }
  let givenUp = 0;
  const wanted = allTasks(state);
  for (const { id } of wanted) {
    const count = completions.get(id) ?? 0;
    const losses = state.failures.get(id)?.filter(({ code }) => code === "lost").length ?? 0;
    const stored = broker.get(names.results, { last: names.success({ run: RUN, task: id }) });
    if (count > 0 && !power && new TextDecoder().decode(stored?.data).includes('"verdict"')) {
      violations.push(`${id.slice(0, 8)} is done, and given up on the server`);
    }
    if (count === 0 && losses >= 3) givenUp++;
    else if (count !== 1 && !(power && count > 1)) {
      violations.push(`${id.slice(0, 8)} has ${count} accepted results`);
    }
  }
  for (const id of completions.keys()) {
    if (!wanted.some((one) => one.id === id)) violations.push(`${id.slice(0, 8)} was not wanted`);
  }
  const finished = state.finished;
  if (finished === undefined) violations.push("the journal does not say that the run is finished");
  if (givenUp === 0) {
    if (ledgerOf(state, wanted) !== subject.ledger || finished?.ledger !== subject.ledger) {
      violations.push("the ledger is another one");
    }
  }
  const calm = plan.faults.length === 0 && Object.values(plan.weather).every((each) => each === 0);
  if (calm && state.labour.lost > 0) {
    violations.push(`${state.labour.lost} attempts are lost where nothing went wrong`);
  }
  const left = broker.state(names.tasks).messages;
  // With its outcome lost nobody can know that a task of an ended run was done.
  if (left > 0 && !power) violations.push(`${left} tasks are left on the server`);
  if (broker.streams.length !== 5) violations.push(`there are ${broker.streams.length} streams`);
  const fits = broker.subjects(names.results, names.outcomes(RUN)).length;
  if (fits !== broker.subjects(names.results, ">").length) violations.push("strange results");
  return { violations, givenUp, copies: state.labour.copies };
}
