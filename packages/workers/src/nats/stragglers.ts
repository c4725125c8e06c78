import type { TaskSpec } from "@manyfold/protocol";

/** An attempt counts as straggling from so many times the usual duration on. */
const FACTOR = 3;
/** Finished tasks that say what is usual. */
const ENOUGH = 3;
/** Share of the slots that copies may take; one may always be out. */
const SHARE = 0.25;
/** Durations of a kind that are remembered, and kinds. */
const KEPT = 101;
const KINDS = 256;

/** A message of tasks that nobody has copied yet. */
export interface Candidate {
  /** Milliseconds since a worker took it. */
  readonly elapsed: number;
  /** Milliseconds that its tasks usually take together; undefined where nobody knows. */
  readonly usual: number | undefined;
  /** Idle slots of other workers than its own. */
  readonly idle: number;
}

/** How things stand. */
export interface Stage {
  /** Slots of all workers, and copies that are out. */
  readonly slots: number;
  readonly copies: number;
  /** Milliseconds below which nobody straggles: what is known of workers is as old as that. */
  readonly least: number;
}

/**
 * Which of the messages get a copy, where nothing else waits for a slot: those that are out for three
 * times as long as such tasks usually take, the longest first, as long as other workers' slots are
 * idle and copies have no more than a quarter of all. (MapReduce's backup tasks: Dean and Ghemawat,
 * 2004, section 3.6.)
 */
export function stragglersAmong<Of extends Candidate>(
  candidates: readonly Of[],
  { slots, copies, least }: Stage,
): Of[] {
  const most = Math.max(1, Math.floor(SHARE * slots)) - copies;
  const late = candidates
    .filter(
      ({ elapsed, usual }) => usual !== undefined && elapsed > Math.max(least, FACTOR * usual),
    )
    .toSorted((a, b) => b.elapsed - a.elapsed);
  const chosen: Of[] = [];
  for (const one of late) {
    if (chosen.length < Math.min(most, one.idle)) chosen.push(one);
  }
  return chosen;
}

/** What tasks take, by their kind. */
export interface Durations {
  /** A task of a kind took so many milliseconds. */
  tell(kind: string, milliseconds: number): void;
  /**
   * The median of its kind, or where too few of it have finished the longest of all kinds; undefined
   * before enough have.
   */
  usual(kind: string): number | undefined;
}

export function createDurations(): Durations {
  const kinds = new Map<string, { readonly newest: number[]; next: number }>();
  let finished = 0;
  let longest = 0;
  return {
    tell(kind, milliseconds) {
      finished++;
      longest = Math.max(longest, milliseconds);
      const known = kinds.get(kind) ?? { newest: [], next: 0 };
      // The kind that was told of last is the newest.
      kinds.delete(kind);
      kinds.set(kind, known);
      known.newest[known.next] = milliseconds;
      known.next = (known.next + 1) % KEPT;
      for (const oldest of kinds.keys()) {
        if (kinds.size <= KINDS) break;
        kinds.delete(oldest);
      }
    },
    usual(kind) {
      const newest = kinds.get(kind)?.newest ?? [];
      if (newest.length >= ENOUGH) return medianOf(newest);
      return finished >= ENOUGH ? longest : undefined;
    },
  };
}

function medianOf(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}

const texts = new WeakMap<object, string>();

/** What tasks have to have in common to take about as long: all but their draws and keys. */
export function kindOf(spec: TaskSpec): string {
  const { data, part } = spec;
  const settings = spec.kind === "train" ? [spec.model, spec.train] : [spec.module, spec.params];
  return [data.hash, ...settings.map(textOf), String(part?.until)].join();
}

/** The tasks of a stage share their settings: each is written down once. */
function textOf(settings: object): string {
  const known = texts.get(settings);
  if (known !== undefined) return known;
  const text = JSON.stringify(settings);
  texts.set(settings, text);
  return text;
}
