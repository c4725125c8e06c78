import {
  byValue,
  nameOfCell,
  type Cell,
  type Move,
  type SchedulerRule,
  type Verdict,
} from "./scheduler.ts";

interface Settings {
  readonly eta: number;
}

/** A round of a bracket: so many trials up to a rung. */
interface Round {
  readonly trials: number;
  readonly rung: number;
  readonly epochs: number;
}

/** The rounds of a bracket, from many trials of few epochs to few of many. */
export type Bracket = readonly Round[];

/**
 * The brackets for trainings of so many epochs (Li et al. 2018, algorithm 1): bracket s begins with
 * n = ceil((s_max + 1) eta^s / (s + 1)) trials of R / eta^s epochs; each round keeps one of `eta`.
 * s_max is counted in whole numbers: the ratio of two logarithms misses powers.
 */
export function brackets(epochs: number, eta: number): Bracket[] {
  let last = 0;
  for (let reach = eta; reach <= epochs; reach *= eta) last += 1;
  return Array.from({ length: last + 1 }, (_, index) => {
    const s = last - index;
    const first = Math.ceil(((last + 1) * eta ** s) / (s + 1));
    return Array.from({ length: s + 1 }, (_, i) => ({
      trials: Math.floor(first / eta ** i),
      rung: last - s + i,
      epochs: Math.floor(epochs / eta ** (s - i)),
    }));
  });
}

/**
 * Hyperband: each bracket's rounds wait for all trials of the round before; meanwhile later brackets
 * begin, so that nobody idles. The brackets start over where there are trials left.
 */
export const hyperband: SchedulerRule<Settings> = {
  rungs: ({ eta }, epochs) => {
    const [widest] = brackets(epochs, eta);
    return (widest ?? []).map((round) => round.epochs);
  },
  trials: ({ eta }, epochs) =>
    brackets(epochs, eta).reduce((sum, [first]) => sum + (first?.trials ?? 0), 0),
  begin: ({ eta }, { epochs, trials }) => {
    const plan = brackets(epochs, eta);
    const open: Running[] = [];
    const ofTrial: Running[] = [];
    return {
      tell: (cell, value) => ofTrial[cell.trial]?.tell(cell, value),
      next: () => {
        for (const bracket of open) {
          const cell = bracket.next();
          if (cell !== undefined) return { kind: "go", cell };
        }
        if (ofTrial.length >= trials) return { kind: "wait" };
        let last = open.at(-1);
        if (last === undefined || last.isFull()) {
          last = running(plan[open.length % plan.length] ?? []);
          open.push(last);
        }
        last.add(ofTrial.length);
        ofTrial.push(last);
        return { kind: "new", rung: last.rung } satisfies Move;
      },
      verdict: (cell) => ofTrial[cell.trial]?.verdict(cell),
    };
  },
  table: ({ eta }, { epochs }) => [
    ["bracket", "rounds (trials x epochs)"],
    ...brackets(epochs, eta).map((rounds, bracket) => [
      String(bracket),
      rounds.map((round) => `${round.trials} x ${round.epochs}`).join(", "),
    ]),
  ],
};

interface Running {
  readonly rung: number;
  isFull(): boolean;
  add(trial: number): void;
  tell(cell: Cell, value: number | null): void;
  /** The next cell of a round after the first, if it may begin. */
  next(): Cell | undefined;
  verdict(cell: Cell): Verdict | undefined;
}

function running(rounds: Bracket): Running {
  const [first] = rounds;
  let members: number[] = [];
  let round = 0;
  let results: { trial: number; value: number | null }[] = [];
  let chosen: number[] = [];
  const verdicts = new Map<string, Verdict>();
  return {
    rung: first?.rung ?? 0,
    isFull: () => members.length >= (first?.trials ?? 0) || round > 0,
    add: (trial) => members.push(trial),
    tell: ({ trial }, value) => {
      results.push({ trial, value });
      const isWhole = round > 0 ? results.length === members.length : false;
      const isFirst = round === 0 && results.length === (first?.trials ?? 0);
      if (!isWhole && !isFirst) return;
      round += 1;
      const keep = rounds[round]?.trials ?? 0;
      const alive = results.filter((one) => one.value !== null).toSorted(byValue);
      members = alive.slice(0, keep).map((one) => one.trial);
      results.toSorted(byValue).forEach((one, place) => {
        const cell = { trial: one.trial, rung: rounds[round - 1]?.rung ?? 0 };
        const goesOn = members.includes(one.trial);
        const standing = { rank: place + 1, among: results.length, quota: keep };
        verdicts.set(nameOfCell(cell), { goesOn, ...standing });
      });
      chosen = [...members];
      results = [];
    },
    verdict: (cell) => verdicts.get(nameOfCell(cell)),
    next: () => {
      const trial = chosen.shift();
      const rung = rounds[round]?.rung;
      return trial === undefined || rung === undefined ? undefined : { trial, rung };
    },
  };
}
