/** Who has to act on an error; the CLI maps it to an exit code. */
export type ErrorCode =
  /** The command line, the configuration, or an input or path that the user named: exit 2. */
  | "usage"
  | "config"
  | "input"
  /** A broken or foreign file of ours (artifact, journal, blob): exit 2, since the user named it. */
  | "artifact"
  | "journal"
  /** The machine or environment: exit 3. */
  | "environment"
  | "internal";

/** Where and what: `<path> must be <condition>, got <value>.` and one line of help. */
export interface Complaint {
  code: ErrorCode;
  /** The place: a config path, a file, a column, with file:line:column in front where known. */
  path: string;
  /** What must hold, without the verb: `> 0`, `one of mean, median`. */
  condition: string;
  /** What was found, already printed; see {@link show}. Left out where there is nothing to print. */
  got?: string;
  /** What to do next, one line. */
  help?: string;
}

/** An error that is shown to people as it is, without a stack trace. */
export class ManyfoldError extends Error {
  readonly code: ErrorCode;
  readonly path: string;
  readonly help: string | undefined;
  /** What was said, for whoever knows the place better. */
  readonly complaint: Complaint;

  /** @param others Further complaints of the same input, printed after the first. */
  constructor(complaint: Complaint, others: readonly Complaint[] = []) {
    super([complaint, ...others].map(sentence).join("\n"));
    this.name = "ManyfoldError";
    this.code = complaint.code;
    this.path = complaint.path;
    this.help = complaint.help;
    this.complaint = complaint;
  }
}

/** The one sentence form of all errors. */
export function sentence(complaint: Omit<Complaint, "code">): string {
  const got = complaint.got === undefined ? "" : `, got ${complaint.got}`;
  const help = complaint.help === undefined ? "" : `\n${complaint.help}`;
  return `${complaint.path} must be ${complaint.condition}${got}.${help}`;
}

/** Prints a value for an error message: short, on one line, never throwing. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** The known name nearest to a mistyped one (edit distance at most a third of its length), if any. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
          ? (before[j - 2] ?? 0) + 1
          : Infinity;
      next.push(Math.min(replaced, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
