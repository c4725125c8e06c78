import { Conformal, EnsembleManifest, FittedColumn, FittedTarget } from "@manyfold/protocol";
import { z } from "zod";

/** What `GET /model` answers: the manifest with its preprocessing laid open, and no weights. */
export const ModelAnswer = EnsembleManifest.pick({
  name: true,
  model: true,
  models: true,
  members: true,
  combiner: true,
  memberWeights: true,
  residualVariance: true,
  metrics: true,
  analysis: true,
  provenance: true,
}).extend({
  /** Names this version among those of the model. */
  version: z.string(),
  /** What intervals or sets are around; null where the experiment asked for none. */
  conformal: Conformal.nullable(),
  /** Kind of each column, its range or levels, and what stands in for a missing value. */
  inputs: z.array(FittedColumn),
  /** Classes, or target columns. */
  target: FittedTarget,
  /** The targets of `model.heads`. */
  heads: z.array(FittedTarget).optional(),
});
export type ModelAnswer = z.infer<typeof ModelAnswer>;

/** What is told of an artifact. */
export function modelAnswer(manifest: EnsembleManifest, version: string): ModelAnswer {
  const { preprocessing } = manifest;
  return {
    name: manifest.name,
    version,
    inputs: preprocessing.inputs,
    target: preprocessing.target,
    ...(preprocessing.heads && { heads: preprocessing.heads }),
    model: manifest.model,
    ...(manifest.models && { models: manifest.models }),
    members: manifest.members,
    combiner: manifest.combiner,
    conformal: manifest.conformal ?? null,
    memberWeights: manifest.memberWeights,
    residualVariance: manifest.residualVariance,
    metrics: manifest.metrics,
    analysis: manifest.analysis,
    provenance: manifest.provenance,
  };
}
