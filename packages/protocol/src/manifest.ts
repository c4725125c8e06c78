import { z } from "zod";
import { ErrorAnalysis, Metrics } from "./analysis.ts";
import { DatasetRef, Preprocessing } from "./data.ts";
import { Calibration, Combiner, Conformal } from "./ensemble.ts";
import { Hash } from "./hash.ts";
import { ModelSpec } from "./model.ts";
import { DrawSpec } from "./sample.ts";
import { Variant } from "./task.ts";

/** The artifact format's version; a newer one is refused with a clear error. */
export const ARTIFACT_VERSION = 1;

/** One member of an artifact: a network's weights, seen whole, thinned by a mask, or on some inputs. */
export const ArtifactMember = z.strictObject({
  /** Member number, the `unit` of its task (times masks, plus the mask, for dropout members). */
  member: z.int().min(0),
  /** Index of its network: tensors are named `networks.<network>.<parameter>`. */
  network: z.int().min(0),
  /** Task that trained the network, and its unit. */
  task: Hash,
  unit: z.int().min(0),
  /** Number of the thinned network, redrawn from seed, unit and this; null for the whole network. */
  mask: z.int().min(0).nullable(),
  /** Input columns it sees, ascending; null for all. */
  features: z.array(z.int().min(0)).nullable(),
});
export type ArtifactMember = z.infer<typeof ArtifactMember>;

/** `manifest.json`: everything besides the weights that a prediction needs, and where it came from. */
export const EnsembleManifest = z.strictObject({
  format: z.literal("manyfold-ensemble"),
  version: z.literal(ARTIFACT_VERSION),
  name: z.string(),
  /** Of the file weights.safetensors. */
  weights: z.strictObject({ hash: Hash, bytes: z.int().min(0) }),
  preprocessing: Preprocessing,
  model: ModelSpec,
  /** By network, where they differ, as those of a search's trials do; absent where all are `model`. */
  models: z.array(ModelSpec).min(1).optional(),
  /** By member number. */
  members: z.array(ArtifactMember).min(1),
  /** Seed that dropout masks are redrawn from. */
  seed: z.int().min(0),
  combiner: Combiner,
  /** Weights per member, of the combiners that have any; they sum to 1, but for `stacking`. */
  memberWeights: z.array(z.number()).nullable(),
  /** What `stacking` adds to each output (regression) or each class's log probability. */
  offsets: z.array(z.number()).optional(),
  /** Applied to the combined probabilities; absent where `ensemble.calibrate` is. */
  calibration: Calibration.optional(),
  /** Around the combined prediction; absent where `ensemble.conformal` is, or rows were too few. */
  conformal: Conformal.optional(),
  /** Variance of residuals (regression, original units, per target) on out-of-bag or test-free rows; null if unknown. */
  residualVariance: z.array(z.number()).nullable(),
  metrics: z.strictObject({ test: Metrics.nullable(), oob: Metrics.nullable() }),
  analysis: ErrorAnalysis.nullable(),
  provenance: z.strictObject({
    manyfold: z.string(),
    experiment: Hash,
    source: z.strictObject({ name: z.string(), hash: Hash, rows: z.int() }),
    table: DatasetRef,
    variant: Variant,
    draw: DrawSpec,
    ledger: Hash,
  }),
});
export type EnsembleManifest = z.infer<typeof EnsembleManifest>;
