import { z } from "zod";
import { DataSpec } from "./data.ts";
import { EnsembleSpec } from "./ensemble.ts";
import { ModelSpec } from "./model.ts";
import { ObjectiveSpec } from "./trainable.ts";
import { SearchSpec } from "./search.ts";
import { TrainSpec } from "./train.ts";

/** Time, memory and attempts a task may take. */
export const Limits = z.strictObject({
  seconds: z
    .number()
    .gt(0)
    .optional()
    .describe(
      "Longest time per task; a task over it fails as timeout and the run is not reproducible.",
    ),
});
export type Limits = z.infer<typeof Limits>;

/** A whole experiment, as users write it in YAML. Parsing fills every default; parsing twice changes nothing. */
export const Experiment = z.strictObject({
  version: z.literal(1).describe("Version of this format."),
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be lower-case letters, digits and dashes")
    .meta({
      condition: "a short name of lower-case letters, digits and dashes",
      description: "Short name: lower-case letters, digits and dashes.",
    }),
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).default(0).describe("Seed of all randomness."),
  data: DataSpec,
  model: ModelSpec,
  train: TrainSpec.prefault({}),
  ensemble: EnsembleSpec.optional().describe("Without it, one network is trained."),
  search: SearchSpec.optional(),
  objective: ObjectiveSpec.optional(),
  limits: Limits.prefault({}),
});
export type Experiment = z.infer<typeof Experiment>;
/** What a user may write: defaults left out, short forms. */
export type ExperimentInput = z.input<typeof Experiment>;
