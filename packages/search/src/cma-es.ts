import { elementary, fold, normalQuantile, normals, type Key } from "@manyfold/core";
import { show, type Params, type ParamValue } from "@manyfold/protocol";
import { eigenOf, type Eigen } from "./math/symmetric.ts";
import { allowed } from "./random.ts";
import type { Learner, Premise, Reason, SamplerRule } from "./sampler.ts";
import { axisOf, type Axis } from "./space.ts";
import { domainOf, namesOf } from "./tree.ts";

/**
 * Covariance matrix adaptation (Hansen 2016, The CMA evolution strategy: a tutorial): a normal
 * distribution over the space that moves, widens and turns towards better settings.
 *
 * Trials g λ to (g+1) λ - 1 are generation g, whenever they end; a failed one ranks last. Because of
 * the lag a trial may come from an older distribution than the one that its generation changes:
 * then its step is shortened as an injected point's is (Hansen 2011, Injecting external solutions).
 */
export const cmaEs: SamplerRule = {
  adaptive: true,
  size: () => Infinity,
  begin,
  complaints: (space) =>
    namesOf(space)
      .filter((name) => {
        const domain = domainOf(space, name);
        return axisOf(domain).kind === "unordered" || domain.when !== undefined;
      })
      .map((name) => ({
        path: ["search", "space", name],
        at: "value",
        condition: "a range of numbers without a condition for sampler: cma-es",
        got: show(space[name]),
        help: "It moves along numbers that every trial has; sampler: tpe takes categories and conditions.",
      })),
};

/** The numbers that follow from the dimension (search.md 4.8; Hansen 2016, table 1). */
export interface Strategy {
  /** Trials per generation, λ. */
  readonly population: number;
  /** By rank; the first half positive with sum 1, the rest negative. */
  readonly weights: Float64Array;
  readonly parents: number;
  readonly muEff: number;
  readonly c1: number;
  readonly cMu: number;
  readonly cSigma: number;
  readonly dSigma: number;
  readonly cC: number;
  /** The expected length of a standard normal vector, χ. */
  readonly chi: number;
}

/** A generation's distribution: x = mean + sigma B D z, in units of the axes' lengths. */
interface Distribution {
  readonly mean: Float64Array;
  readonly sigma: number;
  /** Of the covariance matrix; values are D². */
  readonly eigen: Eigen;
  /** Diagonal of the covariance matrix. */
  readonly variances: Float64Array;
}

interface Member {
  readonly trial: number;
  readonly value: number;
  readonly point: Float64Array;
  /** Whether it was drawn from an older distribution. */
  readonly isForeign: boolean;
}

function begin(premise: Premise): Learner {
  const { key, space, lag } = premise;
  const names = namesOf(space);
  const axes = names.map((name) => axisOf(domainOf(space, name)));
  const ofSampler = fold(key, "cma-es");
  const strategy = strategyOf(axes.length);
  const { population } = strategy;
  const evolution = evolve(strategy, axes.length);
  /** Distributions by generation, as far back as trials within the lag were drawn from them. */
  const past = new Map<number, Distribution>([[0, evolution.distribution()]]);
  let generation = 0;
  const drawnIn = (trial: number) => Math.floor(Math.max(0, trial - lag) / population);
  const draw = (from: Distribution, trial: number) =>
    drawPoint(from, axes, population, fold(ofSampler, "trial", trial));
  let members: Member[] = [];
  let told = 0;
  let last: Reason = { by: "start-up", results: 0, needed: population, generation: 0 };

  return {
    tell: ({ trial, params, value }) => {
      told += 1;
      const origin = drawnIn(trial);
      const from = past.get(origin);
      const own = from && draw(from, trial);
      const isOwn = own && names.every((name, j) => own.params[j] === params[name]);
      members.push({
        trial,
        value: value ?? Infinity,
        // What was drawn and not what it was rounded to, where it is this search's own trial.
        point: isOwn ? own.point : encoded(axes, names, params),
        isForeign: !isOwn || origin !== generation,
      });
      if (members.length < population) return;
      members.sort((a, b) => (a.value === b.value ? a.trial - b.trial : a.value - b.value));
      evolution.learn(members);
      members = [];
      generation += 1;
      past.set(generation, evolution.distribution());
      past.delete(drawnIn(trial) - 1);
    },
    ask: (trial) => {
      const { params } = draw(past.get(generation) as Distribution, trial);
      const setting = names.map((name, j): [string, ParamValue] => [name, params[j] as ParamValue]);
      const isAllowed = premise.allows?.(Object.fromEntries(setting)) ?? true;
      const by = isAllowed ? (generation > 0 ? "model" : "start-up") : "chance";
      last = { by, results: told, needed: population, generation };
      return allowed(Object.fromEntries(setting), premise, trial);
    },
    reason: () => last,
  };
}

function encoded(axes: readonly Axis[], names: readonly string[], params: Params): Float64Array {
  return Float64Array.from(axes, (axis, j) => {
    const value = params[names[j] ?? ""];
    return value === undefined ? 0.5 : (axis.encode(value) - axis.low) / (axis.high - axis.low);
  });
}

/** Redraws outside of the space before the last one is moved to its edge, per dimension. */
const REDRAWS = 10;

function drawPoint(
  { mean, sigma, eigen, variances }: Distribution,
  axes: readonly Axis[],
  population: number,
  key: Key,
) {
  const d = axes.length;
  let point = new Float64Array(d);
  for (let draw = 0; draw <= REDRAWS * d; draw++) {
    const z = normals(fold(key, "draw", draw), d);
    point = mean.map((m, i) => {
      let step = 0;
      for (let k = 0; k < d; k++) {
        step += (eigen.vectors[i * d + k] ?? 0) * Math.sqrt(eigen.values[k] ?? 0) * (z[k] ?? 0);
      }
      return m + sigma * step;
    });
    if (point.every((x) => x >= 0 && x <= 1)) break;
  }
  point = point.map((x) => Math.min(Math.max(x, 0), 1));
  // A spread far below the distance of two whole numbers would never leave one: each keeps a
  // probability of 1 / (d λ) to be left (the margin of Hamano et al. 2022, for drawing only).
  const reach = normalQuantile(1 - 0.5 / (d * population));
  const params = axes.map((axis, j) => {
    const length = axis.high - axis.low;
    const [at, centre] = [point[j] ?? 0, mean[j] ?? 0];
    let x = at;
    if (axis.kind === "spaced") {
      const [low, high] = axis.cell(axis.low + centre * length);
      const spread = sigma * Math.sqrt(variances[j] ?? 0);
      const least = (high - low) / length / 2 / reach;
      if (spread < least) x = centre + (at - centre) * (least / spread);
    }
    return axis.decode(axis.low + x * length);
  });
  return { point, params };
}

/** The state of an evolution, and how a ranked generation changes it. */
function evolve(strategy: Strategy, d: number) {
  const { weights, parents, muEff, c1, cMu, cSigma, dSigma, cC, chi } = strategy;
  let mean = new Float64Array(d).fill(0.5);
  let sigma = 1 / 6;
  let covariance = new Float64Array(d * d);
  for (let i = 0; i < d; i++) covariance[i * d + i] = 1;
  let eigen = eigenOf(covariance, d);
  let pathSigma = new Float64Array(d);
  let pathC = new Float64Array(d);
  /** (1 - cSigma)^(2 (g + 1)). */
  let decay = 1;
  const longest = Math.sqrt(d) + (2 * d) / (d + 2);
  const weightSum = weights.reduce((sum, weight) => sum + weight, 0);

  return {
    distribution: (): Distribution => ({
      mean,
      sigma,
      eigen,
      variances: Float64Array.from({ length: d }, (_, i) => covariance[i * d + i] ?? 0),
    }),
    learn: (ranked: readonly Member[]) => {
      const steps = ranked.map(({ point, isForeign }) => {
        const step = point.map((x, i) => (x - (mean[i] ?? 0)) / sigma);
        const length = norm(whitened(eigen, step));
        return isForeign && length > longest ? step.map((x) => (x * longest) / length) : step;
      });
      const step = new Float64Array(d);
      for (let k = 0; k < parents; k++) addTo(step, steps[k], weights[k] ?? 0);
      mean = mean.map((m, i) => m + sigma * (step[i] ?? 0));

      const white = whitened(eigen, step);
      const pull = Math.sqrt(cSigma * (2 - cSigma) * muEff);
      pathSigma = pathSigma.map((p, i) => (1 - cSigma) * p + pull * (white[i] ?? 0));
      const length = norm(pathSigma);
      sigma *= elementary.exp(Math.min(1, (cSigma / dSigma) * (length / chi - 1)));
      // Beyond the space itself and below what doubles tell apart no spread means anything.
      sigma = Math.min(Math.max(sigma, 1e-18), 1e3);

      decay *= (1 - cSigma) * (1 - cSigma);
      const isSteady = length / Math.sqrt(1 - decay) < (1.4 + 2 / (d + 1)) * chi ? 1 : 0;
      const drift = isSteady * Math.sqrt(cC * (2 - cC) * muEff);
      pathC = pathC.map((p, i) => (1 - cC) * p + drift * (step[i] ?? 0));

      const keep = 1 + c1 * (1 - isSteady) * cC * (2 - cC) - c1 - cMu * weightSum;
      const next = covariance.map((c) => keep * c);
      addOuter(next, pathC, c1);
      steps.forEach((one, k) => {
        const weight = weights[k] ?? 0;
        const size = weight < 0 ? norm(whitened(eigen, one)) : 1;
        // A negative weight counts for a step of the usual length, so that C stays positive.
        const scaled = weight < 0 ? (weight * d) / (size * size + 1e-8) : weight;
        addOuter(next, one, cMu * scaled);
      });
      covariance = next;
      eigen = floored(eigenOf(covariance, d));
    },
  };
}

/** C^(-1/2) x. */
function whitened({ values, vectors }: Eigen, x: Float64Array): Float64Array {
  const d = x.length;
  const result = new Float64Array(d);
  for (let k = 0; k < d; k++) {
    let along = 0;
    for (let i = 0; i < d; i++) along += (vectors[i * d + k] ?? 0) * (x[i] ?? 0);
    along /= Math.sqrt(values[k] ?? 1);
    for (let i = 0; i < d; i++) result[i] = (result[i] ?? 0) + (vectors[i * d + k] ?? 0) * along;
  }
  return result;
}

/** Keeps the condition number at 1e14 at most. */
function floored({ values, vectors }: Eigen): Eigen {
  const largest = Math.max(...values, 1e-300);
  return { values: values.map((value) => Math.max(value, largest * 1e-14)), vectors };
}

function norm(x: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] ?? 0) * (x[i] ?? 0);
  return Math.sqrt(sum);
}

function addTo(target: Float64Array, x: Float64Array | undefined, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] ?? 0) + factor * (x?.[i] ?? 0);
}

function addOuter(target: Float64Array, x: Float64Array, factor: number): void {
  const d = x.length;
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) {
      target[i * d + j] = (target[i * d + j] ?? 0) + factor * (x[i] ?? 0) * (x[j] ?? 0);
    }
  }
}

/** The strategy in `d` dimensions. */
export function strategyOf(d: number): Strategy {
  const population = 4 + Math.floor(3 * elementary.log(d));
  const parents = Math.floor(population / 2);
  const raw = Float64Array.from(
    { length: population },
    (_, i) => elementary.log((population + 1) / 2) - elementary.log(i + 1),
  );
  const effective = (part: Float64Array) => {
    const sum = part.reduce((total, weight) => total + weight, 0);
    return (sum * sum) / part.reduce((total, weight) => total + weight * weight, 0);
  };
  const [best, rest] = [raw.slice(0, parents), raw.slice(parents)];
  const muEff = effective(best);
  const muEffRest = effective(rest);
  const c1 = 2 / ((d + 1.3) * (d + 1.3) + muEff);
  const cMu = Math.min(1 - c1 - 1e-8, (2 * (muEff - 2 + 1 / muEff)) / ((d + 2) * (d + 2) + muEff));
  const least = Math.min(
    1 + c1 / cMu,
    1 + (2 * muEffRest) / (muEff + 2),
    (1 - c1 - cMu) / (d * cMu),
  );
  const positive = best.reduce((total, weight) => total + weight, 0);
  const negative = rest.reduce((total, weight) => total + Math.abs(weight), 0);
  const cSigma = (muEff + 2) / (d + muEff + 5);
  return {
    population,
    weights: raw.map((weight, i) =>
      i < parents ? weight / positive : (weight * least) / negative,
    ),
    parents,
    muEff,
    c1,
    cMu,
    cSigma,
    dSigma: 1 + 2 * Math.max(0, Math.sqrt((muEff - 1) / (d + 1)) - 1) + cSigma,
    cC: (4 + muEff / d) / (d + 4 + (2 * muEff) / d),
    chi: Math.sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d)),
  };
}
