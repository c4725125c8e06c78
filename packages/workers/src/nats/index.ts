export { openLink } from "./link.ts";
export type { Credentials, Link, LinkOptions } from "./link.ts";
export { askedStreams, Refusal } from "./transport.ts";
export type {
  Connection,
  Message,
  PublishOptions,
  Query,
  Reading,
  StoredMessage,
  Streams,
  Transport,
} from "./transport.ts";
export { namesOf, requireToken } from "./subjects.ts";
export type { AttemptName, Names } from "./subjects.ts";
export { prepareNamespace } from "./streams.ts";
export { natsBlobs } from "./blobs.ts";
export { tidyTasks } from "./janitor.ts";
export { copiedJournal, natsJournal } from "./journal.ts";
export { claimLease, readLease } from "./lease.ts";
export type { Lease, LeaseOptions, LeaseView } from "./lease.ts";
export { collectGarbage } from "./garbage.ts";
export type { Garbage, GarbageOptions } from "./garbage.ts";
export { createNkey } from "./nkey.ts";
export { natsExecutor } from "./executor.ts";
export type { NatsExecutorOptions } from "./executor.ts";
export { startNatsWorker } from "./worker.ts";
export type { NatsWorker, NatsWorkerOptions, WorkerEvent } from "./worker.ts";
export { answerForRun, askCoordinator, listRuns, listWorkers } from "./census.ts";
export type { AnswerMessage, BeatMessage } from "./messages.ts";
