import type { Diversity } from "@manyfold/protocol";
import type { Members, Truth } from "../members.ts";
import { argmax } from "../probability.ts";

/** Rows that both of two members have right, the first alone, the second alone, neither. */
interface Pair {
  readonly both: number;
  readonly first: number;
  readonly second: number;
  readonly neither: number;
}

type PairwiseName = keyof Diversity["pairwise"];
type GroupName = keyof Diversity["group"];

/** a / b where that is a number. */
function ratio(a: number, b: number): number | null {
  return b === 0 ? null : a / b;
}

/** Kuncheva and Whitaker 2003, section 2.1; null where a figure is not defined for the pair. */
const PAIRWISE: { readonly [N in PairwiseName]: (pair: Pair) => number | null } = {
  q: ({ both: a, first: b, second: c, neither: d }) => ratio(a * d - b * c, a * d + b * c),
  phi: ({ both: a, first: b, second: c, neither: d }) =>
    ratio(a * d - b * c, Math.sqrt((a + b) * (c + d) * (a + c) * (b + d))),
  disagreement: ({ both, first, second, neither }) =>
    (first + second) / (both + first + second + neither),
  doubleFault: ({ both, first, second, neither }) => neither / (both + first + second + neither),
  kappa: ({ both: a, first: b, second: c, neither: d }) =>
    ratio(2 * (a * d - b * c), (a + b) * (b + d) + (a + c) * (c + d)),
};

/** How many members have each row right, and what follows from that alone. */
interface Votes {
  readonly k: number;
  /** `[rows]`. */
  readonly right: Float64Array;
}

function meanOver({ right }: Votes, of: (right: number) => number): number {
  return right.reduce((sum, count) => sum + of(count), 0) / right.length;
}

/** The same, section 2.2; for two members or more. */
const GROUP: { readonly [N in GroupName]: (votes: Votes) => number | null } = {
  kwVariance: (votes) => meanOver(votes, (l) => l * (votes.k - l)) / (votes.k * votes.k),
  interRaterKappa: (votes) => {
    const { k } = votes;
    const p = meanOver(votes, (l) => l) / k;
    const apart = meanOver(votes, (l) => l * (k - l)) / k / (k - 1);
    const expected = p * (1 - p);
    return expected === 0 ? null : 1 - apart / expected;
  },
  entropy: (votes) => {
    const { k } = votes;
    return meanOver(votes, (l) => Math.min(l, k - l)) / (k - Math.ceil(k / 2));
  },
  difficulty: (votes) => {
    const centre = meanOver(votes, (l) => l / votes.k);
    return meanOver(votes, (l) => (l / votes.k - centre) * (l / votes.k - centre));
  },
  generalisedDiversity: (votes) => {
    const { k } = votes;
    const one = meanOver(votes, (l) => (k - l) / k);
    const two = meanOver(votes, (l) => ((k - l) * (k - l - 1)) / (k * (k - 1)));
    return one === 0 ? null : 1 - two / one;
  },
  coincidentFailure: (votes) => {
    const failed = meanOver(votes, (l) => (l < votes.k ? 1 : 0));
    const apart = meanOver(votes, (l) => (l < votes.k ? l / (votes.k - 1) : 0));
    return failed === 0 ? 0 : apart / failed;
  },
};

/** Diversity of classifiers' right and wrong answers; null for one member or a regression. */
export function diversityOf({ members, rows }: Members, truth: Truth): Diversity | null {
  const k = members.length;
  if (truth.task === "regression" || k < 2) return null;
  const right = new Float64Array(rows);
  const bits = members.map(({ values }) => {
    const own = new Uint32Array(Math.ceil(rows / 32));
    for (let row = 0; row < rows; row++) {
      if (argmax(values, row * truth.classes, truth.classes) !== truth.labels[row]) continue;
      own[row >> 5]! |= 1 << (row & 31);
      right[row]! += 1;
    }
    return own;
  });
  const counts = bits.map((own) => own.reduce((sum, word) => sum + ones(word), 0));
  const sums = { q: 0, phi: 0, disagreement: 0, doubleFault: 0, kappa: 0 };
  const defined = { ...sums };
  const names = Object.keys(PAIRWISE) as PairwiseName[];
  for (let i = 0; i < k; i++) {
    for (let l = i + 1; l < k; l++) {
      const both = commonOnes(bits[i]!, bits[l]!);
      const [first, second] = [counts[i]! - both, counts[l]! - both];
      const pair = { both, first, second, neither: rows - both - first - second };
      for (const name of names) {
        const value = PAIRWISE[name](pair);
        if (value === null) continue;
        sums[name] += value;
        defined[name] += 1;
      }
    }
  }
  const votes = { k, right };
  return {
    pairwise: {
      q: ratio(sums.q, defined.q),
      phi: ratio(sums.phi, defined.phi),
      disagreement: sums.disagreement / defined.disagreement,
      doubleFault: sums.doubleFault / defined.doubleFault,
      kappa: ratio(sums.kappa, defined.kappa),
    },
    group: {
      kwVariance: GROUP.kwVariance(votes) ?? 0,
      interRaterKappa: GROUP.interRaterKappa(votes),
      entropy: GROUP.entropy(votes) ?? 0,
      difficulty: GROUP.difficulty(votes) ?? 0,
      generalisedDiversity: GROUP.generalisedDiversity(votes),
      coincidentFailure: GROUP.coincidentFailure(votes) ?? 0,
    },
  };
}

function commonOnes(a: Uint32Array, b: Uint32Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += ones(a[at]! & b[at]!);
  return sum;
}

/** Number of bits that are set in 32. */
function ones(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
