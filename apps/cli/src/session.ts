import { readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve as resolvePath, isAbsolute } from "node:path";
import type { Ending, RunState, Setting } from "@manyfold/coordinator";
import {
  allTasks,
  begin,
  checkExperiment,
  idleNote,
  progressOf,
  record,
  runToEnd,
} from "@manyfold/coordinator";
import { buildNetwork, ioOf, lossFor, requireImages, tiesOf } from "@manyfold/core";
import type { Prepared } from "@manyfold/data";
import { prepare } from "@manyfold/data";
import { directoryBlobs, fileJournal, hashOf, makeFolder, readCsv } from "@manyfold/files";
import type {
  BlobStore,
  Experiment,
  Journal,
  JournalRecord,
  RunProfile,
  TaskSpec,
  Preprocessing,
} from "@manyfold/protocol";
import { ManyfoldError, RunDocument, tablesOf, tagOf } from "@manyfold/protocol";
import type { AllowedModules, Fit } from "@manyfold/workers";
import { fitWorkers } from "@manyfold/workers";
import type { Lease } from "@manyfold/workers/nats";
import type { Config } from "./config.ts";
import { runDocument } from "./document.ts";
import type { Cluster, ClusterFlags } from "./cluster.ts";
import { hostOf, openCluster, requireRun, uploadBlobs } from "./cluster.ts";
import { clock } from "./environment.ts";
import type { ExecutorName } from "./executors.ts";
import { executors, memoryBudget } from "./executors.ts";
import { growthOf } from "./growth.ts";
import { leaderTable } from "./leaders.ts";
import { findModule, leaveFor, requireExport, sameModule } from "./objective.ts";
import type { LogFlags } from "./log.ts";
import { createLog, noteEvent } from "./log.ts";
import { createProgress, noteOf } from "./progress.ts";
import { profileTable, startProfiler } from "./profile.ts";
import { publish } from "./publish.ts";
import { readRun, stateFrom } from "./read-run.ts";
import type { RunPaths } from "./run-folder.ts";
import { createRunFolder, runPaths } from "./run-folder.ts";
import { onInterrupt } from "./signals.ts";
import { summary } from "./summary.ts";
import { EXIT, print, tell } from "./terminal.ts";
import type { VariantFlags } from "./variant.ts";
import { requireVariant, variantOf } from "./variant.ts";
import { VERSION } from "./version.ts";

interface SessionFlags extends ClusterFlags, LogFlags {
  readonly executor: ExecutorName;
  readonly workers: number;
  readonly profile?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Reads a configuration's data and prepares it for its experiment. */
export async function readData(config: Config, experiment: Experiment): Promise<Prepared> {
  // As the user would write it from here, so that errors can be followed.
  const named = experiment.data.source;
  const source = isAbsolute(named) ? named : join(dirname(config.path), named);
  try {
    const raw = await readCsv(source, experiment.data, experiment.model.heads);
    const prepared = prepare(raw, experiment, hashOf);
    requireFit(experiment, prepared.data.final.preprocessing);
    requireImages(prepared.data.final.table.inputs, experiment.train.augment);
    return prepared;
  } catch (error) {
    throw config.located(error);
  }
}

/** The module of a configuration's objective, if it has one. */
export async function readModule(config: Config, experiment: Experiment) {
  try {
    return await findModule(experiment, dirname(config.path));
  } catch (error) {
    throw config.located(error);
  }
}

/**
 * Refuses a model that the data, its own layers or the loss do not fit.
 *
 * @throws ManyfoldError `config` naming the layer or setting
 */
function requireFit({ model, train }: Experiment, preprocessing: Preprocessing): void {
  const network = buildNetwork(model, ioOf(preprocessing));
  lossFor(train.loss, network.head, network.ownTargets);
  tiesOf(train.regularizers, network);
}

/** Starts a new run of a configuration and carries it to its end; returns the exit code. */
export async function beginRun(
  config: Config,
  flags: SessionFlags & { readonly out: string; readonly seed?: number } & VariantFlags,
): Promise<number> {
  const { seed = config.experiment.seed } = flags;
  const experiment = { ...config.experiment, seed };
  checkExperiment(experiment);
  const variant = variantOf(flags);
  await requireVariant(variant);
  const prepared = await readData(config, experiment);
  const module = await readModule(config, experiment);
  await requireExport(experiment, module).catch((error) => Promise.reject(config.located(error)));

  const cluster = await clusterOf(flags);
  const { id, paths } = await createRunFolder(flags.out, experiment.name);
  try {
    // Before anything is sent: a lease tells whoever clears up that there is more to come.
    const shared = cluster && { cluster, lease: await cluster.claim(id) };
    try {
      const blobs = cluster?.blobs(paths) ?? directoryBlobs(paths.blobs);
      for (const bytes of prepared.tables) await blobs.put(bytes);
      const created: JournalRecord = {
        type: "created",
        version: 1,
        run: id,
        experiment,
        variant,
        data: prepared.data,
        folder: resolvePath(dirname(config.path)),
        ...(module && { module: module.hash }),
        config: await blobs.put(new TextEncoder().encode(config.text)),
        time: clock.now(),
        manyfold: VERSION,
      };
      const journal = await openJournal(id, paths, shared);
      await journal.append(0, [created]);
      return await carryOn(begin(created), { paths, blobs, journal, flags, shared });
    } finally {
      await shared?.lease.release();
    }
  } catch (error) {
    // Before its first record a run is nothing, and leaves nothing.
    const begun = await stat(paths.journal).then(
      ({ size }) => size > 64,
      () => false,
    );
    if (!begun) await rm(paths.folder, { recursive: true, force: true });
    throw error;
  } finally {
    await cluster?.close();
  }
}

/** A run's place on a cluster, and the right to coordinate it there. */
interface Shared {
  readonly cluster: Cluster;
  readonly lease: Lease;
}

function openJournal(run: string, paths: RunPaths, shared: Shared | undefined): Promise<Journal> {
  return shared ? shared.cluster.journal(run, paths, shared.lease) : fileJournal(paths.journal);
}

/** The cluster that the flags name; opened before anything is written. */
async function clusterOf(flags: SessionFlags): Promise<Cluster | undefined> {
  if (flags.executor === "nats" && flags.profile === true) {
    throw new ManyfoldError({
      code: "usage",
      path: "--profile",
      condition: "left out with --executor nats",
      got: "both",
      help: "It measures slots of this process: profile a run on threads or inline.",
    });
  }
  return flags.executor === "nats" ? openCluster(flags, "coordinator") : undefined;
}

/** Goes on with a run, or grows it; a finished run prints its document. Returns the exit code. */
export async function resumeRun(
  name: string,
  flags: SessionFlags & {
    readonly out: string;
    readonly members?: number;
    readonly trials?: number;
    readonly takeOver?: boolean;
  },
): Promise<number> {
  const cluster = await clusterOf(flags);
  let shared: Shared | undefined;
  try {
    let opened: Opened;
    if (cluster) {
      const found = await findShared(cluster, name, flags.out);
      shared = { cluster, lease: await cluster.claim(found.run, flags.takeOver) };
      opened = await openShared(shared, found);
    } else {
      opened = await openRun(runPaths(name));
    }
    const { paths, journal, state } = opened;
    try {
      const growth = growthOf(state.experiment, flags, state.stopped !== undefined);
      // A machine that only took over has no document of it yet.
      const text = await readFile(paths.document, "utf8").catch(() => undefined);
      if (!growth && state.finished && text !== undefined) {
        if (flags.json) print(JSON.stringify(RunDocument.parse(JSON.parse(text))));
        else tell(`Nothing is left to do. The report is ${paths.page}`);
        await journal.close();
        return EXIT.done;
      }
      await requireVariant(state.created.variant);
      const time = clock.now();
      await record(state, journal, [
        growth ? { type: "grown", ...growth, time } : { type: "resumed", time },
      ]);
    } catch (error) {
      await journal.close();
      throw error;
    }
    const blobs = cluster?.blobs(paths) ?? directoryBlobs(paths.blobs);
    return await carryOn(state, { paths, blobs, journal, flags, shared });
  } finally {
    await shared?.lease.release();
    await cluster?.close();
  }
}

interface Opened {
  readonly paths: RunPaths;
  readonly journal: Journal;
  readonly state: RunState;
}

/** Opens a run's journal to go on with it. */
async function openRun(paths: RunPaths): Promise<Opened> {
  const journal = await fileJournal(paths.journal, { create: false });
  try {
    return { paths, journal, state: await stateFrom(journal.read(0), paths) };
  } catch (error) {
    await journal.close();
    throw error;
  }
}

/** A run on a cluster: by its folder, or by its id, for which a folder is made here. */
async function findShared(
  cluster: Cluster,
  name: string,
  out: string,
): Promise<{ readonly run: string; readonly paths: RunPaths }> {
  const here = await stat(runPaths(name).journal).catch(() => undefined);
  const known = here && (await readRun(runPaths(name)));
  const run = known?.run ?? basename(name);
  const paths = runPaths(known ? name : join(out, run));
  if (!known) {
    await requireRun(cluster, run);
    await makeFolder(out);
    await makeFolder(paths.folder);
  }
  return { run, paths };
}

/** Opens a run that is coordinated here. Of a folder that the cluster has not seen, it gets journal and data. */
async function openShared(
  shared: Shared,
  { run, paths }: { readonly run: string; readonly paths: RunPaths },
): Promise<Opened> {
  const { cluster } = shared;
  const journal = await openJournal(run, paths, shared);
  try {
    const state = await stateFrom(journal.read(0), paths);
    const tables = tablesOf(state.data).map(({ table }) => table.hash);
    await uploadBlobs(cluster, paths, tables);
    return { paths, journal, state };
  } catch (error) {
    await journal.close();
    throw error;
  }
}

/** Milliseconds between two counts of what is done. */
const LOOK_MILLISECONDS = 200;

interface Session {
  readonly paths: RunPaths;
  readonly blobs: BlobStore;
  readonly journal: Journal;
  readonly flags: SessionFlags;
  readonly shared: Shared | undefined;
}

async function carryOn(state: RunState, session: Session): Promise<number> {
  const { paths, blobs, journal, flags, shared } = session;
  const cluster = shared?.cluster;
  const { limits } = state.experiment;
  const progress = createProgress(process.stderr, clock, flags.quiet === true);
  const { drain, release, stop } = onInterrupt(paths.folder);
  const memory = memoryBudget();
  const profiler = flags.profile === true ? startProfiler(clock) : undefined;
  let fit: Fit;
  let modules: AllowedModules;
  try {
    const { folder = ".", module } = state.created;
    // On a cluster it is the workers' to have it.
    modules = leaveFor(cluster ? undefined : await sameModule(state.experiment, folder, module));
    fit = cluster ? { workers: flags.workers } : fitWorkers(flags.workers, memory, shapesOf(state));
  } catch (error) {
    release();
    await journal.close();
    throw error;
  }
  const { workers } = fit;
  if (fit.note !== undefined) tell(fit.note);
  const { run } = state;
  const executor = executors[flags.executor]({
    blobs,
    workers,
    limits,
    memory,
    modules,
    run,
    cluster,
    onProfile: profiler?.task,
    drain,
  });
  const silence = cluster?.answer(run, stop);
  // What is written from now on is refused; what runs is somebody else's.
  const leave = () => void executor.close();
  shared?.lease.lost.addEventListener("abort", leave, { once: true });
  const idle = cluster ? undefined : idleNote(state, executor.description.slots);
  if (idle !== undefined) tell(idle);
  const log = await createLog(flags, "silent");
  if (shared) log?.info({ run, epoch: shared.lease.epoch }, "coordinating");
  const leaders = leaderTable();
  let looked = Number.NEGATIVE_INFINITY;
  const observe = (event: Parameters<typeof noteOf>[0], now: RunState) => {
    noteEvent(log, run, event);
    const time = clock.monotonic();
    // Counting looks at every task, so it is not done at every event.
    if (flags.quiet === true || time - looked < LOOK_MILLISECONDS) return;
    looked = time;
    const note = noteOf(event);
    progress.update({ ...progressOf(now), ...(note === undefined ? {} : { note }) }, leaders(now));
  };
  const setting: Setting = {
    executor: flags.executor,
    host: hostname(),
    ...(cluster && { hostOf }),
    node: process.version,
    manyfold: VERSION,
  };
  try {
    const timed = profiler?.journal(journal) ?? journal;
    const world = { journal: timed, blobs, executor, clock, drain, observe };
    const ending = await runToEnd(state, world, setting, (outputs) => {
      shared?.lease.lost.throwIfAborted();
      return publish(outputs, state, paths);
    });
    progress.end();
    const profile = profiler?.end(executor.description.slots, state.created.variant);
    return conclude(state, setting, ending, session, profile);
  } catch (error) {
    // Whatever broke after a takeover, broke because of it.
    shared?.lease.lost.throwIfAborted();
    throw error;
  } finally {
    progress.end();
    release();
    silence?.();
    shared?.lease.lost.removeEventListener("abort", leave);
    await executor.close();
    await journal.close();
  }
}

/** One task per network and batch: what tasks need of memory depends on little else. */
function shapesOf(state: RunState): TaskSpec[] {
  const shapes = new Map<string, TaskSpec>();
  for (const { spec } of allTasks(state)) {
    if (spec.kind === "objective") {
      shapes.set(spec.data.hash, spec);
      continue;
    }
    const { model, data, train } = spec;
    shapes.set(JSON.stringify([model, data.hash, train.batch, tagOf(train.optimizer)]), spec);
  }
  return [...shapes.values()];
}

/** Exit codes by how a run ended. */
const EXIT_OF = {
  done: EXIT.done,
  partial: EXIT.someFailed,
  error: EXIT.someFailed,
  interrupted: EXIT.interrupted,
} as const;

function conclude(
  state: RunState,
  setting: Setting,
  ending: Ending,
  { paths, flags }: Session,
  profile: RunProfile | undefined,
): number {
  if (flags.json) {
    const document = runDocument(state, setting, ending, paths);
    const execution = { ...document.execution, ...(profile && { profile }) };
    print(JSON.stringify({ ...document, execution }));
  } else if (ending.status === "interrupted") {
    tell(`Stopped; nothing done is lost. Go on with: manyfold resume ${paths.folder}`);
  } else if (flags.quiet !== true) {
    const { folder = ".", experiment } = state.created;
    tell(summary(ending, paths, resolvePath(folder, experiment.data.source)));
  }
  if (profile && !flags.json) tell(profileTable(profile));
  return EXIT_OF[ending.status];
}
