import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { tailJournal, type JournalTail } from "@manyfold/files";
import { ManyfoldError } from "@manyfold/protocol";
import { createView, type RunView } from "./view.ts";

/** Records that are read before others have their turn. */
const AT_ONCE = 500;

/** A run that is there. */
export interface KnownRun {
  readonly id: string;
  /** Path of its folder. */
  readonly path: string;
  /** Another one where the journal began anew. */
  readonly view: RunView;
  /** Tells one beginning of the journal from another. */
  readonly epoch: number;
}

interface Followed extends KnownRun {
  view: RunView;
  epoch: number;
  readonly tail: JournalTail;
  damaged: boolean;
}

/** The runs of a folder, as they come, grow and go. */
export interface RunsFolder {
  /**
   * Looks at everything once; calls while one is under way wait for that one.
   *
   * @param heard called now and then where something new was read, before all of it is
   */
  refresh(heard?: () => void): Promise<void>;
  all(): readonly KnownRun[];
  get(id: string): KnownRun | undefined;
}

/**
 * Follows every run of a folder; nothing is kept open, and nothing written. A run is a folder with a
 * journal; one that goes is forgotten.
 */
export function followFolder(path: string): RunsFolder {
  const runs = new Map<string, Followed>();
  let epochs = 0;
  let looking: Promise<void> | undefined;

  const look = async (heard: () => void) => {
    // A folder that is not there yet has no runs.
    const names = await readdir(path).catch((): string[] => []);
    const there = new Set(names);
    for (const id of runs.keys()) if (!there.has(id)) runs.delete(id);
    for (const id of names) await readOn(id, heard);
  };

  const readOn = async (id: string, heard: () => void) => {
    const folder = join(path, id);
    const journal = join(folder, "journal.log");
    const run: Followed = runs.get(id) ?? {
      id,
      path: folder,
      view: createView(id),
      epoch: ++epochs,
      tail: tailJournal(journal),
      damaged: false,
    };
    const [isWritten, report] = await Promise.all(
      [`${journal}.lock`, join(folder, "report.html")].map((file) =>
        access(file).then(
          () => true,
          () => false,
        ),
      ),
    );
    const note = () =>
      run.view.note({
        isWritten: isWritten === true,
        report: report === true,
        damaged: run.damaged,
      });
    try {
      for (let more = true; more;) {
        const news = await run.tail.read(AT_ONCE);
        if (news === undefined) {
          runs.delete(id);
          return;
        }
        if (news.restarted && run.view.changes.length > 0) {
          [run.view, run.epoch] = [createView(id), ++epochs];
        }
        note();
        for (const record of news.records) run.view.tell(record);
        run.damaged = false;
        ({ more } = news);
        runs.set(id, run);
        if (news.records.length > 0) heard();
        await turn();
      }
    } catch (error) {
      // What was read stays; what follows is tried again at the next look.
      if (!(error instanceof ManyfoldError)) throw error;
      run.damaged = true;
    }
    runs.set(id, run);
    note();
  };

  return {
    refresh: (heard = () => undefined) => {
      looking ??= look(heard).finally(() => {
        looking = undefined;
      });
      return looking;
    },
    all: () => [...runs.values()],
    get: (id) => runs.get(id),
  };
}
