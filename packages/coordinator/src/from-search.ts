import { fold, key } from "@manyfold/core";
import type { Table } from "@manyfold/data";
import { rowsOf } from "@manyfold/data";
import type { CombinerFit, Member, Members, Selection, Truth } from "@manyfold/ensemble";
import { combine, membersOf, selectionWeights, truthOf } from "@manyfold/ensemble";
import type {
  ArtifactMember,
  BlobStore,
  Combiner,
  EnsembleSpec,
  FittedTarget,
  MemberRow,
  ModelSpec,
} from "@manyfold/protocol";
import { blobOf, floatsOf, inTurn } from "./blobs.ts";
import type { Trained } from "./networks.ts";
import { memberRows, trainedOf } from "./networks.ts";
import { keptTrials } from "./plan.ts";
import type { RunState } from "./state.ts";

type FromSearch = NonNullable<EnsembleSpec["fromSearch"]>;

/** An ensemble of networks that the search has trained. */
export interface ChosenEnsemble {
  readonly trained: readonly Trained[];
  readonly members: readonly ArtifactMember[];
  readonly models: readonly ModelSpec[];
  readonly rows: MemberRow[];
  readonly combiner: Combiner;
  readonly fit: CombinerFit;
  /** Chosen trials, by number, and their weights. */
  readonly trials: { readonly trial: number; readonly weight: number }[];
  /** Trials that were looked at. */
  readonly among: number;
  /** The best trial, and its own networks. */
  readonly bestTrial: number;
  readonly best: readonly Trained[];
  /** What the chosen members, and the best trial alone, predict of the rows that chose them. */
  readonly validation: {
    readonly truth: Truth;
    readonly ensemble: Members;
    readonly combined: Float64Array;
    /** The best trial's networks, and their mean. */
    readonly alone: Members;
    readonly best: Float64Array;
  };
}

/**
 * Chooses an ensemble by what the trials' networks predict of the search's validation rows. Of a
 * trial that was repeated, the repeats share its weight.
 */
export async function chooseEnsemble(
  state: RunState,
  blobs: BlobStore,
  table: Table,
  target: FittedTarget,
): Promise<ChosenEnsemble | undefined> {
  const spec = state.experiment.ensemble?.fromSearch;
  const candidates = keptTrials(state)
    .map((candidate) => ({ ...candidate, trained: trainedOf(state, candidate.wanted) }))
    .filter(({ trained, wanted }) => trained.length === wanted.length);
  const [best] = candidates;
  if (!spec || !best) return undefined;
  const truth = truthOf(target, table.y, rowsOf(table, "validation"));
  const predicted = await inTurn(candidates, async ({ trained }) => ({
    trained,
    members: await validationMembers(blobs, target, trained),
  }));
  const alone = predicted.map(({ members }) => combine({ mean: {} }, members));
  const looked = renumbered(
    alone.map((values) => ({ member: 0, values })),
    predicted[0]!.members,
  );
  const weights = selectionWeights(selectionOf(state, spec), looked, truth);

  const chosen = candidates
    .map(({ trial, trained, wanted }, at) => ({ at, trial, trained, wanted, weight: weights[at]! }))
    .filter(({ weight }) => weight > 0)
    .toSorted((a, b) => a.trial - b.trial);
  const trained = chosen.flatMap((one) => one.trained);
  const shares = chosen.flatMap((one) => one.trained.map(() => one.weight / one.trained.length));
  const members = trained.map(({ id }, network): ArtifactMember => ({
    member: network,
    network,
    task: id,
    unit: 0,
    mask: null,
    features: null,
  }));
  const combiner = COMBINERS[spec.choose](spec);
  const fit = { weights: spec.choose === "top" ? null : shares, offsets: null };
  const ensemble = renumbered(
    chosen.flatMap(({ at }) => [...predicted[at]!.members.members]),
    predicted[0]!.members,
  );
  return {
    trained,
    members,
    models: trained.map((one) => one.spec.model),
    rows: memberRows(
      state,
      chosen.flatMap((one) => one.wanted),
    ).map((row, member) => ({ ...row, member })),
    combiner,
    fit,
    trials: chosen.map(({ trial, weight }) => ({ trial, weight })),
    among: candidates.length,
    bestTrial: best.trial,
    best: best.trained,
    validation: {
      truth,
      ensemble,
      combined: combine(combiner, ensemble, fit),
      alone: predicted[0]!.members,
      best: alone[0]!,
    },
  };
}

/** How the artifact combines what each way has chosen. */
const COMBINERS: { readonly [C in FromSearch["choose"]]: (spec: FromSearch) => Combiner } = {
  greedy: ({ size }) => ({ greedy: { picks: size } }),
  minimumVariance: () => ({ minimumVariance: { nonNegative: true } }),
  // Every trial has as many networks as the others.
  top: () => ({ mean: {} }),
};

function selectionOf({ experiment }: RunState, { choose, size }: FromSearch): Selection {
  const bags = fold(key(experiment.seed), "selection");
  const ways = {
    greedy: { greedy: { size, key: bags } },
    minimumVariance: { minimumVariance: { size } },
    top: { top: { size } },
  } satisfies { [C in FromSearch["choose"]]: Selection };
  return ways[choose];
}

function renumbered(members: readonly Member[], like: Members): Members {
  return { ...like, members: members.map((one, member) => ({ ...one, member })) };
}

async function validationMembers(
  blobs: BlobStore,
  target: FittedTarget,
  trained: readonly Trained[],
): Promise<Members> {
  const predictions = await inTurn(
    trained,
    async ({ result }) => result.predictions.validation?.hash,
  );
  const values = await inTurn(predictions, async (hash) => floatsOf(await blobOf(blobs, hash)));
  const output = trained[0]?.spec.model.output;
  return membersOf(
    target,
    values.map((own, member) => ({ member, values: own })),
    output,
  );
}
