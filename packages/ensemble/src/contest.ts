import type { Contest, Contestant, ContestantName, ContestRow, SeedMean } from "@manyfold/protocol";
import { mean, sampleStandardDeviation } from "simple-statistics";
import { studentQuantile } from "./forecast.ts";

/** Whose errors are set against each other, seed by seed. */
const PAIRS: readonly (readonly [ContestantName, ContestantName])[] = [
  ["net", "dropout"],
  ["net", "bag"],
  ["dropout", "masks"],
  ["masks", "bag"],
  ["initOnly", "bag"],
  ["bag", "dropoutBag"],
];

/** What a comparison is about. */
export type ContestOf = Pick<Contest, "name" | "task" | "unit" | "variant" | "seeds"> & {
  /** The contestants' names for people, in order. */
  readonly labels: readonly (readonly [ContestantName, string])[];
};

/**
 * Sums a comparison up over its seeds: means with 95 % intervals by Student's t. A seed is another
 * split, other starts and other draws at once, so an interval is about all of them; differences are
 * taken seed by seed, which the split does not blur.
 *
 * @param rows of any order; contestants without one are left out
 */
export function contestOf({ labels, ...about }: ContestOf, rows: readonly ContestRow[]): Contest {
  const of = (name: ContestantName): ContestRow[] =>
    about.seeds.flatMap(
      (seed) => rows.find((row) => row.contestant === name && row.seed === seed) ?? [],
    );
  const contestants = labels.flatMap(([name, label]): Contestant[] => {
    const own = of(name);
    const [first] = own;
    if (first === undefined) return [];
    const over = (figure: (row: ContestRow) => number) => seedMean(own.map(figure));
    return [
      {
        name,
        label,
        k: first.k,
        networks: first.networks,
        v: over(({ v }) => v),
        c: first.c === null ? null : over(({ c }) => c ?? 0),
        error: over(({ error }) => error),
        score: over(({ score }) => score),
        nll: over(({ nll }) => nll),
        calibration: over(({ calibration }) => calibration),
        seconds: over(({ seconds }) => seconds),
      },
    ];
  });
  const differences = PAIRS.flatMap(([first, second]) => {
    const [a, b] = [of(first), of(second)];
    const both = a.flatMap((row) => {
      const other = b.find(({ seed }) => seed === row.seed);
      return other === undefined ? [] : [row.error - other.error];
    });
    return both.length === 0 ? [] : [{ first, second, difference: seedMean(both) }];
  });
  const ordered = labels.flatMap(([name]) => of(name));
  const contest: Contest = {
    version: 1,
    ...about,
    contestants,
    differences,
    sentences: [],
    rows: ordered,
  };
  return { ...contest, sentences: sentencesOf(contest) };
}

/** Mean and 95 % interval of independent values. */
function seedMean(values: readonly number[]): SeedMean {
  const centre = mean([...values]);
  if (values.length < 2) return { mean: centre, low: null, high: null };
  const error = sampleStandardDeviation([...values]) / Math.sqrt(values.length);
  const half = studentQuantile(values.length - 1) * error;
  return { mean: centre, low: centre - half, high: centre + half };
}

function sentencesOf({ contestants, differences, seeds }: Contest): string[] {
  const label = (name: ContestantName) =>
    contestants.find((own) => own.name === name)?.label ?? name;
  const compared = differences.map(({ first, second, difference }) => {
    const { mean: by, low, high } = difference;
    const error = contestants.find((own) => own.name === first)?.error.mean ?? 0;
    const share = error > 0 ? ` (${Math.abs((100 * by) / error).toPrecision(2)} %)` : "";
    const way = by >= 0 ? "less" : "more";
    const said = `${capital(label(second))} against ${label(first)}: errs by ${short(Math.abs(by))}${share} ${way}`;
    if (low === null || high === null) return `${said}, by one seed; no interval.`;
    // In the direction that the sentence says.
    const [from, to] = by >= 0 ? [low, high] : [-high, -low];
    const interval = `95 % interval over ${seeds.length} seeds ${short(from)} to ${short(to)}`;
    const open = low <= 0 && high >= 0 ? "; these seeds do not tell the two apart" : "";
    return `${said} (${interval})${open}.`;
  });
  const least = contestants.reduce<Contestant | undefined>(
    (best, own) => (best === undefined || own.error.mean < best.error.mean ? own : best),
    undefined,
  );
  const [first] = contestants;
  if (!least || !first) return compared;
  const dearer = least.seconds.mean / first.seconds.mean;
  return [
    `The smallest error: ${least.label}, ${short(least.error.mean)}, for ${dearer.toPrecision(2)} times the core-seconds of ${first.label}.`,
    ...compared,
  ];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
