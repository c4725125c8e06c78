import { fold, key } from "@manyfold/core";
import { decodeTable, rowsOf } from "@manyfold/data";
import type { CombinerFit, Members, Selection, Truth } from "@manyfold/ensemble";
import { combine, membersOf, selectionWeights, truthOf } from "@manyfold/ensemble";
import type {
  ArtifactMember,
  BlobStore,
  Combiner,
  EnsembleSpec,
  MemberRow,
  ModelSpec,
} from "@manyfold/protocol";
import { blobOf, floatsOf, inTurn } from "./blobs.ts";
import type { Trained } from "./networks.ts";
import { memberRows, trainedOf } from "./networks.ts";
import { finalTasks, type KeptTrial, keptTrials, refitTrials } from "./plan.ts";
import type { Choice, RunState } from "./state.ts";
import { isSearched } from "./trials.ts";

type FromSearch = NonNullable<EnsembleSpec["fromSearch"]>;

/** A trial that completed, and its networks: one per fold and repeat. */
interface Candidate extends KeptTrial {
  readonly trained: readonly Trained[];
}

/** What candidates predict of the rows that choose among them; the best one first. */
interface Looked {
  readonly candidates: readonly Candidate[];
  /** Each candidate as one member: the mean of its repeats, fold after fold. */
  readonly members: Members;
  readonly truth: Truth;
}

/** An ensemble of networks that the search has trained, or of their settings trained anew. */
export interface ChosenEnsemble {
  readonly trained: readonly Trained[];
  /** Members that there were to be. */
  readonly asked: number;
  readonly members: readonly ArtifactMember[];
  readonly models: readonly ModelSpec[];
  readonly rows: MemberRow[];
  readonly combiner: Combiner;
  readonly fit: CombinerFit;
  /** Chosen trials, by number, and their weights. */
  readonly trials: Choice["members"];
  /** Trials that were looked at. */
  readonly among: number;
  /** The best trial, and its own networks; none where its setting failed when trained anew. */
  readonly bestTrial: number;
  readonly best: readonly Trained[];
  /** What the chosen trials, and the best one alone, predict of the rows that chose them. */
  readonly validation: {
    readonly truth: Truth;
    readonly ensemble: Members;
    readonly combined: Float64Array;
    readonly alone: Members;
  };
}

/** Whether the search is over, and its trials' settings are to be trained anew as members. */
export function isChoiceDue(state: RunState): boolean {
  const refit = state.experiment.ensemble?.fromSearch?.refit ?? false;
  return refit && state.chosen === undefined && isSearched(state) && keptTrials(state).length > 0;
}

/**
 * Chooses trials by what their networks predict of rows that did not train them: a function of the
 * results alone.
 *
 * @throws MissingBlob
 */
export async function choose(state: RunState, blobs: BlobStore): Promise<Choice> {
  const looked = await look(state, blobs);
  if (!looked) throw new TypeError("There is no trial to choose.");
  return choiceOf(state, looked);
}

function choiceOf(state: RunState, { candidates, members, truth }: Looked): Choice {
  const weights = selectionWeights(selectionOf(state), members, truth);
  return {
    among: candidates.length,
    members: candidates
      .map(({ trial }, at) => ({ trial, weight: weights[at]! }))
      .filter(({ weight }) => weight > 0)
      .toSorted((a, b) => a.trial - b.trial),
  };
}

/**
 * The ensemble that the experiment asks for; undefined where it asks for none, or no trial is left.
 *
 * @throws MissingBlob
 */
export async function chooseEnsemble(
  state: RunState,
  blobs: BlobStore,
): Promise<ChosenEnsemble | undefined> {
  const spec = state.experiment.ensemble?.fromSearch;
  const looked = spec && (await look(state, blobs));
  if (!looked) return undefined;
  const choice = state.chosen ?? choiceOf(state, looked);
  const combiner = COMBINERS[spec.choose](spec);
  const { own, rows } = spec.refit ? refitted(state) : kept(state, looked, choice);
  const trained = choice.members.flatMap(({ trial }) => own.get(trial) ?? []);
  const shares = choice.members.flatMap(({ trial, weight }) => {
    const networks = own.get(trial) ?? [];
    return networks.map(() => weight / networks.length);
  });
  const total = shares.reduce((sum, share) => sum + share, 0);
  const fitOf = (weights: readonly number[]): CombinerFit => ({
    weights: spec.choose === "top" ? null : weights,
    offsets: null,
  });
  const { truth, candidates } = looked;
  const [first] = candidates as [Candidate];
  const among = (trials: readonly number[]): Members => ({
    ...looked.members,
    members: looked.members.members.filter((_, at) => trials.includes(candidates[at]!.trial)),
  });
  const byRank = choice.members.toSorted((a, b) => rankIn(candidates, a) - rankIn(candidates, b));
  const ensemble = among(byRank.map(({ trial }) => trial));
  return {
    trained,
    asked: spec.refit ? choice.members.length : trained.length,
    members: trained.map(({ id }, network): ArtifactMember => ({
      member: network,
      network,
      task: id,
      unit: 0,
      mask: null,
      features: null,
    })),
    models: trained.map((one) => one.spec.model),
    rows,
    combiner,
    fit: fitOf(total > 0 ? shares.map((share) => share / total) : shares),
    trials: choice.members,
    among: choice.among,
    bestTrial: first.trial,
    best: own.get(first.trial) ?? [],
    validation: {
      truth,
      ensemble,
      combined: combine(combiner, ensemble, fitOf(byRank.map(({ weight }) => weight))),
      alone: among([first.trial]),
    },
  };
}

function rankIn(candidates: readonly Candidate[], { trial }: { readonly trial: number }): number {
  return candidates.findIndex((one) => one.trial === trial);
}

interface Networks {
  /** By trial. */
  readonly own: ReadonlyMap<number, readonly Trained[]>;
  /** How the members' tasks ended. */
  readonly rows: MemberRow[];
}

/** The networks that the trials have. */
function kept(state: RunState, { candidates }: Looked, choice: Choice): Networks {
  const chosen = choice.members.flatMap(({ trial }) =>
    candidates.filter((one) => one.trial === trial).flatMap(({ wanted }) => [...wanted]),
  );
  return {
    own: new Map(candidates.map(({ trial, trained }) => [trial, trained])),
    rows: memberRows(state, chosen).map((row, member) => ({ ...row, member })),
  };
}

/** The networks of the settings trained anew. */
function refitted(state: RunState): Networks {
  const wanted = finalTasks(state);
  const own = refitTrials(state).map((trial, at): [number, Trained[]] => [
    trial,
    trainedOf(state, wanted.slice(at, at + 1)),
  ]);
  const members = state.chosen?.members.length ?? 0;
  return { own: new Map(own), rows: memberRows(state, wanted.slice(0, members)) };
}

/** How the artifact combines what each way has chosen. */
const COMBINERS: { readonly [C in FromSearch["choose"]]: (spec: FromSearch) => Combiner } = {
  greedy: ({ size }) => ({ greedy: { picks: size } }),
  minimumVariance: () => ({ minimumVariance: { nonNegative: true } }),
  // Every trial has as many networks as the others.
  top: () => ({ mean: {} }),
};

function selectionOf({ experiment }: RunState): Selection {
  const spec = experiment.ensemble?.fromSearch;
  if (!spec) throw new TypeError("The ensemble is not chosen from the search.");
  const { choose: way, size } = spec;
  const bags = fold(key(experiment.seed), "selection");
  const ways = {
    greedy: { greedy: { size, key: bags } },
    minimumVariance: { minimumVariance: { size } },
    top: { top: { size } },
  } satisfies { [C in FromSearch["choose"]]: Selection };
  return ways[way];
}

/** Reads what the candidates predicted of each fold's validation rows. */
async function look(state: RunState, blobs: BlobStore): Promise<Looked | undefined> {
  const candidates = keptTrials(state)
    .map((one): Candidate => ({ ...one, trained: trainedOf(state, one.wanted) }))
    .filter(({ trained, wanted }) => trained.length === wanted.length);
  if (candidates.length === 0) return undefined;
  const parts: {
    readonly values: Float64Array[];
    readonly truth: Truth;
    readonly like: Members;
  }[] = [];
  for (const [number, { table: ref, preprocessing }] of state.data.folds.entries()) {
    const table = decodeTable(await blobOf(blobs, ref.hash), ref);
    const truth = truthOf(preprocessing.target, table.y, rowsOf(table, "validation"));
    const own = await inTurn(candidates, async ({ trained }) => {
      const values = await inTurn(
        trained.filter(({ spec }) => spec.fold === number),
        async ({ result }) => floatsOf(await blobOf(blobs, result.predictions.validation?.hash)),
      );
      const predictions = values.map((each, member) => ({ member, values: each }));
      return membersOf(preprocessing.target, predictions, trained[0]?.spec.model.output);
    });
    const like = own[0]!;
    parts.push({ truth, like, values: own.map((members) => combine({ mean: {} }, members)) });
  }
  const truth = joined(parts.map((part) => part.truth));
  const [{ like }] = parts as [(typeof parts)[number]];
  const members = candidates.map((_, at) => ({
    member: at,
    values: Float64Array.from(parts.flatMap(({ values }) => Array.from(values[at]!))),
  }));
  const { task, outputs } = like;
  return { candidates, truth, members: { task, outputs, rows: truth.rows, members } };
}

/** The truth of all folds' rows, one fold after the other. */
function joined(parts: readonly Truth[]): Truth {
  const [first] = parts as [Truth];
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  if (first.task === "classification") {
    const labels = parts.flatMap((part) => ("labels" in part ? Array.from(part.labels) : []));
    return { ...first, rows, labels: Uint32Array.from(labels) };
  }
  const values = parts.flatMap((part) => ("values" in part ? Array.from(part.values) : []));
  return { ...first, rows, values: Float64Array.from(values) };
}
