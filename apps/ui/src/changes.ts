/**
 * Rows by name, and the order in which they changed: whoever has seen the first n changes is told of
 * the rows that changed since, each once and as it is now. The first look and every later one are
 * the same thing.
 */
export interface Changes<Row> {
  readonly length: number;
  set(name: string, row: Row): void;
  /** Rows that changed after the first `from` changes, at most so many, and where to go on. */
  since(from: number, most: number): { readonly rows: readonly Row[]; readonly next: number };
}

export function createChanges<Row>(): Changes<Row> {
  let log: string[] = [];
  /** Changes before the log's first one, each of which has another behind it. */
  let forgotten = 0;
  const rows = new Map<string, { row: Row; at: number }>();

  /** Keeps of each row its last change alone: the log stays as long as there are rows, at most twice. */
  const shorten = () => {
    const last = [...rows].sort(([, a], [, b]) => a.at - b.at);
    const length = forgotten + log.length;
    log = last.map(([name]) => name);
    forgotten = length - log.length;
    last.forEach(([, known], place) => {
      known.at = forgotten + place;
    });
  };

  return {
    get length() {
      return forgotten + log.length;
    },
    set(name, row) {
      if (log.length > 2 * rows.size + 1000) shorten();
      const at = forgotten + log.length;
      const known = rows.get(name);
      if (known) [known.row, known.at] = [row, at];
      else rows.set(name, { row, at });
      log.push(name);
    },
    since(from, most) {
      const found: Row[] = [];
      let next = Math.max(from, forgotten);
      for (; next < forgotten + log.length && found.length < most; next++) {
        const known = rows.get(log[next - forgotten] ?? "");
        // Of a row that changed again, only the last change tells.
        if (known?.at === next) found.push(known.row);
      }
      return { rows: found, next };
    },
  };
}
