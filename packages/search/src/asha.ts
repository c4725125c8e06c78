import {
  byValue,
  geometricRungs,
  nameOfCell,
  type Cell,
  type Distance,
  type Move,
  type Pacer,
  type SchedulerRule,
  type Verdict,
} from "./scheduler.ts";

interface Settings {
  readonly min: number;
  readonly eta: number;
  readonly mode: "promote" | "stop";
}

interface Known {
  readonly trial: number;
  readonly value: number | null;
}

/**
 * Asynchronous successive halving (Li et al. 2020, algorithm 2).
 *
 * - promote: of the trials known at a rung the best of every `eta` go on, the highest rung first;
 *   where nobody may, a new trial begins. A trial that looked bad among few may go on later.
 * - stop: a trial goes on at once where its rank at the rung is within the best of every `eta` known
 *   there, itself included (at least the best one), or never (Optuna's rule).
 */
export const asha: SchedulerRule<Settings> = {
  rungs: ({ min, eta }, epochs) => geometricRungs(min, eta, epochs),
  begin: (settings, distance) =>
    settings.mode === "promote" ? promoting(settings, distance) : stopping(settings, distance),
  table: ({ min, eta }, { epochs, trials }) => [
    ["rung", "epochs", "trials, about"],
    ...geometricRungs(min, eta, epochs).map((rung, k) => [
      String(k),
      String(rung),
      Number.isFinite(trials) ? String(Math.floor(trials / eta ** k)) : `1 in ${eta ** k}`,
    ]),
  ],
};

function promoting({ min, eta }: Settings, { epochs, trials }: Distance): Pacer {
  const rungs = geometricRungs(min, eta, epochs);
  const known = rungs.map((): Known[] => []);
  const gone = rungs.map(() => new Map<number, Verdict>());
  let begun = 0;
  return {
    tell: ({ trial, rung }, value) => insert(known[rung] ?? [], { trial, value }),
    next: () => {
      for (let rung = rungs.length - 2; rung >= 0; rung--) {
        const here = known[rung] ?? [];
        const quota = Math.floor(here.length / eta);
        for (let rank = 0; rank < quota; rank++) {
          const one = here[rank];
          if (one === undefined || one.value === null || gone[rung]?.has(one.trial)) continue;
          const among = here.length;
          gone[rung]?.set(one.trial, { goesOn: true, rank: rank + 1, among, quota });
          return { kind: "go", cell: { trial: one.trial, rung: rung + 1 } };
        }
      }
      return begun++ < trials ? { kind: "new", rung: 0 } : { kind: "wait" };
    },
    verdict: ({ trial, rung }) => {
      const here = known[rung] ?? [];
      const rank = here.findIndex((one) => one.trial === trial) + 1;
      if (rank === 0) return undefined;
      const among = here.length;
      const quota = rung === rungs.length - 1 ? 0 : Math.floor(among / eta);
      return gone[rung]?.get(trial) ?? { goesOn: false, rank, among, quota };
    },
  };
}

function stopping({ min, eta }: Settings, { epochs, trials }: Distance): Pacer {
  const rungs = geometricRungs(min, eta, epochs);
  const known = rungs.map((): Known[] => []);
  return atOnce(trials, rungs.length, ({ trial, rung }, value) => {
    const here = known[rung] ?? [];
    insert(here, { trial, value });
    const better = here.findIndex((one) => (one.value ?? Infinity) >= value);
    const quota = Math.max(1, Math.floor(here.length / eta));
    return { goesOn: better < quota, rank: better + 1, among: here.length, quota };
  });
}

/** A scheduler that has each trial go on or stop as soon as its result is known. */
export function atOnce(
  trials: number,
  rungs: number,
  judge: (cell: Cell, value: number) => Verdict,
): Pacer {
  const verdicts = new Map<string, Verdict>();
  const waiting: Cell[] = [];
  let begun = 0;
  return {
    tell: (cell, value) => {
      const verdict = value === null ? { goesOn: false } : judge(cell, value);
      const goesOn = verdict.goesOn && cell.rung < rungs - 1;
      verdicts.set(nameOfCell(cell), { ...verdict, goesOn });
      if (!goesOn) return;
      waiting.push({ trial: cell.trial, rung: cell.rung + 1 });
    },
    next: (): Move => {
      const cell = waiting.shift();
      if (cell !== undefined) return { kind: "go", cell };
      return begun++ < trials ? { kind: "new", rung: 0 } : { kind: "wait" };
    },
    verdict: (cell) => verdicts.get(nameOfCell(cell)),
  };
}

function insert(ranked: Known[], one: Known): void {
  let [from, to] = [0, ranked.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (byValue(ranked[middle] as Known, one) < 0) from = middle + 1;
    else to = middle;
  }
  ranked.splice(from, 0, one);
}
