import {
  CurvePoint,
  Failure,
  Hash,
  Limits,
  Task,
  TaskResult,
  TaskSpec,
  TrainTask,
  Variant,
} from "@manyfold/protocol";
import { z } from "zod";
import { isDeep } from "./depth.ts";
import { VERSION } from "./subjects.ts";

const version = z.literal(VERSION);
const token = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);
/** A name that people read in a terminal: nothing in it moves the cursor or turns the text round. */
const name = z
  .string()
  .max(200)
  .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u);
/** Host, process and a few letters of chance: the `worker` of events. */
const worker = name.min(1);
const manyfold = name.max(40);

/** Most tasks in one message. */
export const MOST = 64;

/**
 * Tasks on their way to a worker: one, or several short ones. Run, session, and the id and attempt
 * of the first are in its subject too.
 */
export const TaskMessage = z.strictObject({
  version,
  tasks: z
    .array(Task.extend({ spec: rememberedSpec() }))
    .min(1)
    .max(MOST),
  limits: Limits,
});
export type TaskMessage = z.infer<typeof TaskMessage>;

/** How one attempt ended. */
const Outcome = z.discriminatedUnion("status", [
  z.strictObject({
    status: z.literal("done"),
    task: Hash,
    result: TaskResult,
    seconds: z.number().min(0),
  }),
  z.strictObject({
    status: z.literal("failed"),
    task: Hash,
    session: token,
    attempt: z.int().min(1),
    failure: Failure,
    seconds: z.number().min(0),
  }),
  /** The coordinator gave the task up; no attempt ends so. */
  z.strictObject({ status: z.literal("verdict"), task: Hash, failure: Failure }),
]);
export type Outcome = z.infer<typeof Outcome>;

/**
 * How attempts ended. On a task's success subject only a success of that task is believed; on the
 * subject of a message of several tasks, those of its tasks that were not reported by themselves.
 * None at all closes such a subject: its tasks are sent anew, and what comes for them late is refused.
 */
export const OutcomeMessage = z.strictObject({
  version,
  worker,
  outcomes: z.array(Outcome).max(MOST),
});
export type OutcomeMessage = z.infer<typeof OutcomeMessage>;

const attempt = z.strictObject({
  run: token,
  session: token,
  task: Hash,
  attempt: z.int().min(1),
});

/** A worker is alive, and this is what it holds. Sent every few seconds. */
export const BeatMessage = z.strictObject({
  version,
  worker,
  host: name,
  slots: z.int().min(1),
  variants: z.array(Variant),
  manyfold,
  /** Modules of the user's own that it was allowed to load. */
  modules: z.array(name).max(64),
  running: z.array(attempt).max(4096),
});
export type BeatMessage = z.infer<typeof BeatMessage>;

/** What a heartbeat says in every version of the protocol. */
export const AnyBeat = z.looseObject({ version: z.int(), worker, manyfold });
export type AnyBeat = z.infer<typeof AnyBeat>;

/** All that a session wants of its workers; each message replaces the one before. */
export const ControlMessage = z.strictObject({
  version,
  run: token,
  session: token,
  cancelled: z.array(z.strictObject({ task: Hash, attempt: z.int().min(1) })).max(4096),
  /** Tasks that are out, and whether it has more than its share lets out: for other sessions. */
  open: z.int().min(0),
  waiting: z.boolean(),
  /** What its tasks need of a worker: who needs something else is no rival for the same slots. */
  variants: z.array(Variant),
  ended: z.boolean(),
});
export type ControlMessage = z.infer<typeof ControlMessage>;

/** Who coordinates a run. It stands until it was not renewed for so many seconds. */
export const LeaseMessage = z.strictObject({
  /** It outlives the program that wrote it, and has a version of its own. */
  version: z.literal(1),
  run: token,
  /** Grows with every coordinator of the run. */
  epoch: z.int().min(1),
  /** Names the coordinator's process. */
  owner: worker,
  host: name,
  seconds: z.number().min(0.1).max(3600),
  /** Milliseconds since 1970 by the coordinator's clock until which it stands; for people. */
  until: z.number().min(0).max(8e15),
  /** `ended`: its coordinator has left, and wants no task of it any more. */
  state: z.enum(["held", "ended"]),
});
export type LeaseMessage = z.infer<typeof LeaseMessage>;

/** What became of an attempt on its way: a worker took it up, got on with it, or hands it back. */
export const NewsMessage = z.strictObject({
  version,
  worker,
  task: Hash,
  attempt: z.int().min(1),
  point: CurvePoint.optional(),
  returned: z.literal(true).optional(),
});
export type NewsMessage = z.infer<typeof NewsMessage>;

/** What is asked of a run's coordinator, of whatever version: whether it is there, or to stop as Ctrl-C would. */
export const AskMessage = z.strictObject({ version: z.literal(1), ask: z.enum(["state", "stop"]) });
export type AskMessage = z.infer<typeof AskMessage>;

/** What it answers. */
export const AnswerMessage = z.strictObject({ version: z.literal(1), host: name });
export type AnswerMessage = z.infer<typeof AnswerMessage>;

/** Longest message of ours that is read; blobs are not messages. */
export const LARGEST = 512 * 1024;

/** A message as bytes. */
export function encode(message: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}

/** What bytes from the wire say, or undefined: too long, too deep, no JSON, not of this shape. */
export function decode<Message>(
  schema: z.ZodType<Message>,
  bytes: Uint8Array,
): Message | undefined {
  if (bytes.byteLength > LARGEST || isDeep(bytes)) return undefined;
  try {
    const read = schema.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
}

/** Settings that are remembered, and their longest text. */
const REMEMBERED = 64;
const LONGEST = 8192;

/**
 * A task's document, read as `TaskSpec` reads it. Model and training are most of it and the same in
 * task after task: what was read once is known by its text, and only the rest is looked at.
 */
function rememberedSpec(): z.ZodType<TaskSpec> {
  const known = new Map<string, Pick<TrainTask, "model" | "train">>();
  const Rest = TrainTask.omit({ model: true, train: true });
  const Parts = z.looseObject({ model: z.unknown(), train: z.unknown() });
  return z.unknown().transform((spec, context): TaskSpec => {
    const parts = Parts.safeParse(spec);
    const { model, train, ...rest } = parts.data ?? {};
    const text = JSON.stringify([model, train]);
    const same = known.get(text);
    const read = same && Rest.safeParse(rest);
    if (same !== undefined && read?.success === true) return { ...read.data, ...same };
    const whole = TaskSpec.safeParse(spec);
    if (!whole.success) {
      context.addIssue("no task of this version");
      return z.NEVER;
    }
    if (whole.data.kind === "train" && text.length <= LONGEST) {
      if (known.size >= REMEMBERED) known.clear();
      known.set(text, { model: whole.data.model, train: whole.data.train });
    }
    return whole.data;
  });
}
