import type { Journal, JournalRecord } from "@manyfold/protocol";
import { expectSequence } from "./sequence.ts";

/** A journal in memory: the double of {@link fileJournal} in tests and simulations. */
export function memoryJournal(before: readonly JournalRecord[] = []): Journal {
  const records = structuredClone([...before]);
  return {
    async *read(from) {
      yield* structuredClone(records.slice(from));
    },
    async append(expectedSequence, more) {
      expectSequence("journal", expectedSequence, records.length);
      records.push(...structuredClone([...more]));
      return records.length;
    },
    close: () => Promise.resolve(),
  };
}
