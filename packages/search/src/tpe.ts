import { fold, uniforms, type Key } from "@manyfold/core";
import type { Params } from "@manyfold/protocol";
import { neighbour, sharesOf } from "./local.ts";
import { parzen, type Widths } from "./parzen.ts";
import { drawn } from "./random.ts";
import type { Learner, Premise, Reason, SamplerRule } from "./sampler.ts";
import type { Axis } from "./space.ts";
import { treeOf } from "./tree.ts";

interface Settings {
  readonly startup: number;
  readonly candidates: number;
  readonly multivariate: boolean;
  readonly kernels: Widths;
  readonly local: number;
  readonly branches: number;
}

/**
 * The tree-structured Parzen estimator (Bergstra et al. 2011): models the best tenth of the trials
 * and the others apart, and proposes the candidate that is likeliest under the first against the
 * second. Trials that are pending or failed count among the others, so that proposals keep away from
 * them. With `kernels: neighbours`, `local: 0` and `branches: 0` it is that of Optuna 5; the defaults
 * differ in three things:
 *
 * - narrow kernels, see {@link Widths};
 * - every `local`-th proposal has its candidates near one of the best trials ({@link neighbour})
 *   instead of drawn from the first model, and takes the same ratio to choose among them;
 * - in a space with conditions, every `branches`-th proposal draws the values that others depend on
 *   at random, and parameters of a branch are modelled by the best tenth of that branch's own trials:
 *   a branch that begins badly is learned too, and can overtake.
 */
export const tpe: SamplerRule<Settings> = {
  adaptive: true,
  size: () => Infinity,
  begin,
  complaints: () => [],
};

function begin({ key, space, allows }: Premise, settings: Settings): Learner {
  const { names, axes, groups, parents, isActive } = treeOf(space);
  const ofSampler = fold(key, "tpe");
  /**
   * Coordinates of the trials told so far, `[parameters][trials]`, NaN where a parameter does not
   * count; and those with values, best first.
   */
  const columns = axes.map((): number[] => []);
  const ranked: Ranked[] = [];
  const coordinateOf = (j: number, params: Params | undefined): number => {
    const value = params?.[names[j] ?? ""];
    return value === undefined ? Number.NaN : (axes[j] as Axis).encode(value);
  };
  // Parameters that are modelled together: all that always count together, or each by itself.
  const models = settings.multivariate ? groups : groups.flat().map((j) => [j]);
  const isParent = new Set(parents);
  const byBranch = settings.branches > 0 && groups.length > 1;

  let last: Reason = { by: "start-up", results: 0, needed: settings.startup };
  /** Of the setting that is being made. */
  let score = 0;

  return {
    tell: ({ trial, params, value, rung = 0 }) => {
      columns.forEach((column, j) => column.push(coordinateOf(j, params)));
      if (value === null) return;
      ranked.splice(placeOf(ranked, { value, rung }), 0, { trial, value, rung });
    },
    revise: ({ trial, value, rung = 0 }) => {
      const place = ranked.findIndex((one) => one.trial === trial);
      if (place >= 0) ranked.splice(place, 1);
      if (value === null) return;
      ranked.splice(placeOf(ranked, { value, rung }), 0, { trial, value, rung });
    },
    ask: (trial, pending) => {
      const known = { results: ranked.length, needed: settings.startup };
      if (ranked.length < settings.startup) {
        last = { by: "start-up", ...known };
        return drawn(key, space, trial, allows);
      }
      const told = columns[0]?.length ?? 0;
      const count = told + pending.length;
      const good = ranked
        .slice(0, bestCount(ranked.length))
        .map((one) => one.trial)
        .toSorted((a, b) => a - b);
      const at = (j: number, of: number): number =>
        of < told ? (columns[j]?.[of] as number) : coordinateOf(j, pending[of - told]);
      /** Trials that have a parameter, the best of them and the others, each oldest first. */
      const split = (first: number): [below: Uint32Array, others: Uint32Array] => {
        const has = (of: number): boolean => !Number.isNaN(at(first, of));
        const own = byBranch ? ranked.filter((one) => has(one.trial)) : ranked;
        const best = own.slice(0, bestCount(own.length)).map(({ trial: of }) => of);
        const below = Uint32Array.from(best.filter(has)).sort();
        const isBest = new Uint8Array(count);
        for (const good of best) isBest[good] = 1;
        const others = new Uint32Array(count);
        let filled = 0;
        for (let other = 0; other < count; other++) {
          if (!isBest[other] && has(other)) others[filled++] = other;
        }
        return [below, others.subarray(0, filled)];
      };
      const mixture = (parameters: readonly number[], among: Uint32Array) => {
        const { trials, weights } = thinned(among);
        return parzen(
          parameters.map((j) => axes[j] as Axis),
          parameters.map((j) => columnOf(trials, (of) => at(j, of))),
          weights,
          settings.kernels,
        );
      };
      const ofTrial = fold(ofSampler, "trial", trial);
      /** One of the best trials, the better the likelier, where this proposal stays near one. */
      const centre = isTurn(settings.local, trial, 0)
        ? ranked[Math.floor(square(shareOf(ofTrial, "centre")) * Math.min(CENTRES, ranked.length))]
        : undefined;
      const size = axes.filter((_, j) => centre && !Number.isNaN(at(j, centre.trial))).length;
      const isOpen = byBranch && isTurn(settings.branches, trial, settings.branches - 1);

      const propose = (parameters: readonly number[], ofGroup: Key): Float64Array => {
        const own = parameters.map((j) => axes[j] as Axis);
        const first = parameters[0] ?? 0;
        const isBranching = parameters.every((j) => isParent.has(j));
        if (isOpen && isBranching) {
          const drawn = uniforms(fold(ofGroup, "branch"), own.length);
          return Float64Array.from(own, ({ low, high }, j) => low + (drawn[j] ?? 0) * (high - low));
        }
        const [below, others] = split(first);
        const [likely, unlikely] = [mixture(parameters, below), mixture(parameters, others)];
        const near =
          centre && !Number.isNaN(at(first, centre.trial))
            ? Float64Array.from(parameters, (j) => at(j, centre.trial))
            : undefined;
        const width = near ? sharesOf(own.length) : own.length + 1;
        const shares = uniforms(ofGroup, settings.candidates * width);
        let chosen: Float64Array | undefined;
        let largest = -Infinity;
        for (let candidate = 0; candidate < settings.candidates; candidate++) {
          const place = candidate * width;
          const point = near
            ? neighbour(own, near, MOVED / size, !isBranching, shares, place)
            : likely.draw(shares, place);
          const ratio = likely.logDensity(point) - unlikely.logDensity(point);
          if (chosen === undefined || ratio > largest) [chosen, largest] = [point, ratio];
        }
        score += largest;
        return chosen ?? likely.draw(shares, 0);
      };
      const attempt = (ofAttempt: Key): Params => {
        const params: Params = {};
        score = 0;
        models.forEach((parameters, model) => {
          const first = parameters[0] ?? 0;
          if (!isActive(first, params)) return;
          const isWhole = settings.multivariate && model === 0;
          const ofModel = isWhole ? ofAttempt : fold(ofAttempt, names[first] ?? "");
          const point = propose(parameters, ofModel);
          parameters.forEach((j, place) => {
            params[names[j] ?? ""] = (axes[j] as Axis).decode(point[place] ?? 0);
          });
        });
        return params;
      };

      for (let draw = 0; draw < MOST_ATTEMPTS; draw++) {
        const params = attempt(draw === 0 ? ofTrial : fold(ofTrial, "draw", draw));
        if (allows === undefined || allows(params)) {
          const how = { ...(centre && { near: centre.trial }), ...(isOpen && { branch: true }) };
          last = { by: "model", ...known, good, candidates: settings.candidates, score, ...how };
          return params;
        }
      }
      last = { by: "chance", ...known, good };
      return drawn(key, space, trial, allows);
    },
    reason: () => last,
  };
}

/** Best trials that a proposal may stay near. */
const CENTRES = 4;
/** Coordinates of such a proposal that move, in the mean. */
const MOVED = 2;

/** Whether it is a trial's turn, every so many-th from the `first` on; never for 0. */
function isTurn(every: number, trial: number, first: number): boolean {
  return every > 0 && trial % every === first;
}

const square = (share: number): number => share * share;
const shareOf = (key: Key, name: string): number => uniforms(fold(key, name), 1)[0] ?? 0;

/** Proposals that break a constraint before a random setting takes their place. */
const MOST_ATTEMPTS = 50;

/** Trials, oldest first, and their weights. */
interface Weighted {
  readonly trials: Uint32Array;
  readonly weights: Float64Array;
}

function columnOf(trials: Uint32Array, at: (trial: number) => number): Float64Array {
  const column = new Float64Array(trials.length);
  for (let i = 0; i < column.length; i++) column[i] = at(trials[i] as number);
  return column;
}

/** A trial with a value; those that came further in their training rank before the others. */
interface Ranked {
  readonly trial: number;
  readonly value: number;
  readonly rung: number;
}

/** Where a value goes among ranked ones: behind its equals, which are older. */
function placeOf(ranked: readonly Ranked[], one: Pick<Ranked, "value" | "rung">): number {
  let [from, to] = [0, ranked.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    const other = ranked[middle] as Ranked;
    const isBefore = other.rung === one.rung ? other.value <= one.value : other.rung > one.rung;
    if (isBefore) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** How many of n trials with values count as the best: a tenth, rounded up, at most 25. */
export function bestCount(n: number): number {
  return Math.min(Math.ceil(n / 10), 25);
}

/** Trials whose age does not count against them. */
const RECENT = 25;

/** Weights of m trials, oldest first: a ramp from 1/m to 1, then {@link RECENT} ones. */
export function ageWeights(m: number): Float64Array {
  const weights = new Float64Array(m).fill(1);
  const ramp = m - RECENT;
  for (let i = 0; i < ramp; i++)
    weights[i] = ramp === 1 ? 1 / m : 1 / m + ((1 - 1 / m) * i) / (ramp - 1);
  return weights;
}

/** Most kernels of the trials that are not among the best. */
const MOST_KERNELS = 256;

/**
 * The other trials with their weights; of more than {@link MOST_KERNELS}, all recent ones and an
 * even sample by weight of the older ones (systematic sampling, no chance involved), which has the
 * same total weight.
 */
export function thinned(trials: Uint32Array): Weighted {
  const m = trials.length;
  if (m <= MOST_KERNELS) return { trials, weights: ageWeights(m) };
  const ramp = m - RECENT;
  const places = MOST_KERNELS - RECENT;
  const total = (ramp * (1 + 1 / m)) / 2;
  const kept = new Uint32Array(MOST_KERNELS);
  let [filled, reached] = [0, 0];
  for (let i = 0; i < ramp && filled < places; i++) {
    reached += 1 / m + ((1 - 1 / m) * i) / (ramp - 1);
    // Place p is taken by the trial that holds the share (p + 1/2) / places of the weight.
    if (reached * places >= (filled + 0.5) * total) kept[filled++] = trials[i] as number;
  }
  // Just above the limit one trial may hold two places: it is kept once.
  kept.set(trials.subarray(ramp), filled);
  const weights = new Float64Array(filled + RECENT).fill(1).fill(total / filled, 0, filled);
  return { trials: kept.subarray(0, filled + RECENT), weights };
}
