import type { Ensemble, ManifestContent, Members, Truth } from "@manyfold/ensemble";
import {
  buildEnsemble,
  combine,
  gaussianOf,
  isProbabilistic,
  metrics,
  residualVariance,
  spreadOf,
} from "@manyfold/ensemble";
import type { BlobStore, Experiment, Metrics, RunResult, SearchEnsemble } from "@manyfold/protocol";
import type { ChosenEnsemble } from "./from-search.ts";
import { weightsOf } from "./networks.ts";

/** Variance of residuals on the rows that chose the members; null where members say it themselves. */
export function residualOf({ validation }: ChosenEnsemble): number[] | null {
  const { truth, ensemble, combined } = validation;
  if (truth.task === "classification" || isProbabilistic(ensemble)) return null;
  return residualVariance(truth, combined, spreadOf(ensemble));
}

/**
 * The best trial alone on the analysed rows, computed as an artifact of its own would; undefined where
 * it failed when it was trained anew.
 */
async function aloneOn(
  chosen: ChosenEnsemble,
  blobs: BlobStore,
  manifest: ManifestContent,
  x: Float32Array,
): Promise<Members | undefined> {
  const [first] = chosen.best;
  if (!first) return undefined;
  const { models: _models, ...shared } = manifest;
  const members = chosen.best.map(({ id }, network) => ({
    member: network,
    network,
    task: id,
    unit: 0,
    mask: null,
    features: null,
  }));
  const description = { ...shared, model: first.spec.model, members, memberWeights: null };
  const alone: Ensemble = buildEnsemble(
    { ...description, combiner: { mean: {} } },
    await weightsOf(chosen.best, blobs),
  );
  return alone.predictMembers(x);
}

/** The chosen ensemble beside the best trial alone: where they were chosen, and where they are tested. */
export async function searchEnsemble(
  chosen: ChosenEnsemble,
  final: Experiment,
  blobs: BlobStore,
  scored: {
    readonly manifest: ManifestContent;
    readonly x: Float32Array;
    readonly truth: Truth;
    /** Null where the rows are training rows. */
    readonly test: Metrics | null;
  },
): Promise<{ ensemble: SearchEnsemble; row: RunResult["comparison"] }> {
  const { validation, trials, among } = chosen;
  const members = await aloneOn(chosen, blobs, scored.manifest, scored.x);
  const best = members && scoreOf(members, scored.truth, residualAlone(chosen));
  const { truth } = validation;
  return {
    ensemble: {
      choose: final.ensemble?.fromSearch?.choose ?? "",
      among,
      members: trials,
      validation: {
        ensemble: metricsOf(validation.ensemble, truth, validation.combined, residualOf(chosen)),
        best: scoreOf(validation.alone, truth, residualAlone(chosen)),
      },
      test: scored.test && best ? { ensemble: scored.test, best } : null,
    },
    row: best ? [{ name: `best trial alone (${chosen.bestTrial})`, metrics: best }] : [],
  };
}

function residualAlone({ validation }: ChosenEnsemble): number[] | null {
  const { truth, alone } = validation;
  if (truth.task === "classification" || isProbabilistic(alone)) return null;
  return residualVariance(truth, combine({ mean: {} }, alone), spreadOf(alone));
}

function scoreOf(members: Members, truth: Truth, residual: number[] | null): Metrics {
  return metricsOf(members, truth, combine({ mean: {} }, members), residual);
}

function metricsOf(
  members: Members,
  truth: Truth,
  combined: Float64Array,
  residual: number[] | null,
): Metrics {
  if (truth.task === "classification") return metrics(truth, combined);
  return metrics(truth, combined, gaussianOf(members, residual));
}
