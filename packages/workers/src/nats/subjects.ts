import { ManyfoldError, show, type Task, type Variant } from "@manyfold/protocol";

/** Version of what coordinators and workers say to each other: to be raised with every change of it. */
export const VERSION = 3;
/** The same as a token of the task subject, so that versions never mix. */
export const PROTOCOL = `v${VERSION}`;

const TOKEN = /^[A-Za-z0-9_-]{1,64}$/;

/** A name that becomes part of a subject: a namespace, a run. A `*` would be stored literally. */
export function requireToken(path: string, text: string): string {
  if (TOKEN.test(text)) return text;
  throw new ManyfoldError({
    code: "usage",
    path,
    condition: "1 to 64 letters, digits, - or _",
    got: show(text),
  });
}

/** One attempt of one session of a coordinator: what a delivery is. */
export interface AttemptName {
  readonly run: string;
  /** Names the session of the executor that sent it, so that attempt 1 of another one is another. */
  readonly session: string;
  readonly task: string;
  readonly attempt: number;
}

/** Every stream and subject of a namespace; no other place spells them. */
export interface Names {
  readonly namespace: string;
  readonly tasks: string;
  readonly results: string;
  readonly log: string;
  readonly blobs: string;
  readonly leases: string;
  /** Subjects of each stream. */
  readonly subjects: {
    readonly tasks: string;
    readonly results: string;
    readonly log: string;
    readonly blobs: string;
    readonly leases: string;
  };
  /** The durable consumer of a variant's tasks. */
  consumer(variant: Variant): { readonly name: string; readonly filter: string };
  task(variant: Variant, of: AttemptName): string;
  /** Every task of a run, or of one session of it. */
  tasksOf(run: string, session?: string): string;
  /** Where the first success of a task is, and stays. */
  success(of: Pick<AttemptName, "run" | "task">): string;
  /** Where the failure of an attempt is. */
  failure(of: AttemptName): string;
  /** Where the outcomes of a message of several tasks are; it is named as its first task's attempt. */
  bundle(of: AttemptName): string;
  /** All of the above, of a whole run. */
  outcomes(run: string): string;
  logOf(run: string): string;
  /** Who coordinates a run. */
  lease(run: string): string;
  /** A part of a blob; without one, its head. */
  blob(hash: string, part?: number): string;
  /** All parts of a blob, and its head. */
  blobParts(hash: string): string;
  /** Heartbeat of a worker. */
  beat(worker: string): string;
  beats: string;
  /** What a session wants of its workers, told again and again. */
  control(run: string, session: string): string;
  controls: string;
  /** What workers tell a session while they work; nothing depends on it. */
  news(run: string, session: string): string;
  /** Where a run's coordinator answers. */
  coordinator(run: string): string;
}

/** The names of a namespace: one team's streams on a server. */
export function namesOf(namespace: string): Names {
  const n = `mf.${requireToken("namespace", namespace)}`;
  const tasks = `${n}.task.${PROTOCOL}`;
  return {
    namespace,
    tasks: `TASKS_${namespace}`,
    results: `RES_${namespace}`,
    log: `LOG_${namespace}`,
    blobs: `BLOB_${namespace}`,
    leases: `LEASE_${namespace}`,
    subjects: {
      tasks: `${n}.task.>`,
      results: `${n}.res.>`,
      log: `${n}.log.*`,
      blobs: `${n}.blob.>`,
      leases: `${n}.lease.*`,
    },
    consumer: (variant) => ({
      name: `${PROTOCOL}-${variant}`,
      filter: `${tasks}.${variant}.>`,
    }),
    task: (variant, { run, session, task, attempt }) =>
      `${tasks}.${variant}.${run}.${session}.${task}.${attempt}`,
    tasksOf: (run, session = "*") => `${tasks}.*.${run}.${session}.>`,
    success: ({ run, task }) => `${n}.res.${run}.${task}.done`,
    failure: ({ run, session, task, attempt }) =>
      `${n}.res.${run}.${task}.failed.${session}.${attempt}`,
    bundle: ({ run, session, task, attempt }) =>
      `${n}.res.${run}.${task}.bundle.${session}.${attempt}`,
    outcomes: (run) => `${n}.res.${run}.>`,
    logOf: (run) => `${n}.log.${run}`,
    lease: (run) => `${n}.lease.${run}`,
    blob: (hash, part) => `${n}.blob.${hash}.${part ?? "head"}`,
    blobParts: (hash) => `${n}.blob.${hash}.*`,
    beat: (worker) => `${n}.hb.${worker}`,
    beats: `${n}.hb.*`,
    control: (run, session) => `${n}.ctl.${run}.${session}`,
    controls: `${n}.ctl.*.*`,
    news: (run, session) => `${n}.news.${run}.${session}`,
    coordinator: (run) => `${n}.run.${run}`,
  };
}

/** What a task's subject says; undefined where it says nothing of this version. */
export function attemptOf(subject: string): AttemptName | undefined {
  const [run, session, task, attempt, ...rest] = subject.split(".").slice(5);
  const number = Number(attempt);
  if (rest.length > 0 || !Number.isSafeInteger(number) || number < 1) return undefined;
  if (![run, session, task].every((token) => token !== undefined && TOKEN.test(token))) {
    return undefined;
  }
  return { run: run ?? "", session: session ?? "", task: task ?? "", attempt: number };
}

/** The name of a task's attempt. */
export function nameOf(run: string, session: string, { id, attempt }: Task): AttemptName {
  return { run, session, task: id, attempt };
}

const COPY = "-copy";

/** The session that a session's copies of attempts are named after. */
export function copySession(session: string): string {
  return `${session}${COPY}`;
}

/** Whether it is a second copy of an attempt, meant for another worker than the first. */
export function isCopy({ session }: Pick<AttemptName, "session">): boolean {
  return session.endsWith(COPY);
}

/** Whether a consumer of tasks is one that an earlier version of the protocol made. */
export function isEarlier(consumer: string): boolean {
  const version = /^v(\d+)-/.exec(consumer)?.[1];
  return version !== undefined && Number(version) < VERSION;
}
