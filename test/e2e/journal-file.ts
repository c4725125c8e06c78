import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readJournal } from "@manyfold/files";
import type { JournalRecord } from "@manyfold/protocol";

/** The one run's folder in a parent that no other run has. */
export function onlyRun(parent: string): string {
  const [name, ...others] = readdirSync(parent);
  if (name === undefined || others.length > 0) throw new Error(`${parent} holds not one run.`);
  return join(parent, name);
}

/** All records of a run's journal. */
export async function recordsOf(run: string): Promise<JournalRecord[]> {
  const records: JournalRecord[] = [];
  for await (const record of readJournal(join(run, "journal.log"))) records.push(record);
  return records;
}

/** How often each task was completed, by the journal of a run. */
export async function completions(run: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const record of await recordsOf(run)) {
    if (record.type !== "completed") continue;
    counts.set(record.task, (counts.get(record.task) ?? 0) + 1);
  }
  return counts;
}

/** Where a journal's frames begin, and its length: the layout of packages/files/src/frames.ts. */
export function framesOf(path: string): number[] {
  const bytes = readFileSync(path);
  const starts: number[] = [];
  let at = bytes.indexOf("\n") + 1;
  while (at < bytes.length) {
    starts.push(at);
    at += 16 + bytes.readUInt32LE(at + 4);
  }
  return [...starts, at];
}
