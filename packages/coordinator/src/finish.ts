import type { Table } from "@manyfold/data";
import { decodeTable, rowsOf } from "@manyfold/data";
import type {
  CombinerFit,
  Ensemble,
  FittingRows,
  ManifestContent,
  Members,
} from "@manyfold/ensemble";
import {
  analyse,
  buildEnsemble,
  calibrate,
  combine,
  comparisonOf,
  confusion,
  decidesOutOfBag,
  encodeArtifact,
  fitCalibration,
  fitCombiner,
  fitConformal,
  gaussianOf,
  isProbabilistic,
  membersOf,
  metrics,
  observe,
  outOfBag,
  residualsOf,
  residualVariance,
  spreadOf,
  truthOf,
} from "@manyfold/ensemble";
import type {
  BlobStore,
  Calibration,
  Conformal,
  EnsembleManifest,
  Experiment,
  FittedTarget,
  Hash,
  OutOfBag,
  RunResult,
  SearchEnsemble,
} from "@manyfold/protocol";
import { hashJson } from "@manyfold/protocol";
import { blobOf, floatsOf, inTurn } from "./blobs.ts";
import { growthOf } from "./enough.ts";
import { conformalScores } from "./coverage.ts";
import { headScores, rowsOfInputs } from "./head-scores.ts";
import { learningCurveOf } from "./learning-curve.ts";
import { ledgerOf } from "./ledger.ts";
import { residualOf, searchEnsemble } from "./chosen.ts";
import { type ChosenEnsemble, chooseEnsemble } from "./from-search.ts";
import { finishObjective } from "./objective.ts";
import type { Trained } from "./networks.ts";
import { artifactMembers, drawnRows, memberRows, trainedOf, weightsOf } from "./networks.ts";
import { outOfBagMembers } from "./out-of-bag.ts";
import { allTasks, finalExperiment, finalTasks } from "./plan.ts";
import type { PredictionTable } from "./predictions.ts";
import { predictionTable } from "./predictions.ts";
import { robustnessOf } from "./robustness.ts";
import { searchResult } from "./search-result.ts";
import type { RunState } from "./state.ts";
import { trialCount } from "./count.ts";
import { drawOf, unitsOf } from "./units.ts";

/** What a run that has nothing left to do comes to. */
export interface Finished {
  readonly status: "done" | "partial" | "error";
  readonly result: RunResult;
  readonly tasks: { readonly total: number; readonly completed: number; readonly failed: number };
  readonly artifact: { readonly manifest: Uint8Array; readonly weights: Uint8Array } | null;
  readonly predictions: PredictionTable | null;
  /** Why there is no artifact. */
  readonly error: { readonly code: string; readonly message: string; readonly path: string } | null;
}

/**
 * Combines, scores and analyses what the tasks yielded.
 *
 * @throws MissingBlob where a result's blob is gone; its task is then to be done again
 */
export async function finish(
  state: RunState,
  blobs: BlobStore,
  manyfold: string,
): Promise<Finished> {
  const every = allTasks(state);
  const ledger = ledgerOf(state, every);
  const wanted = finalTasks(state);
  const final = finalExperiment(state);
  const growth = growthOf(state);
  const ref = state.data.final.table;
  const table = decodeTable(await blobOf(blobs, ref.hash), ref);
  const completed = every.filter(({ id }) => state.completed.has(id)).length;
  const tasks = { total: every.length, completed, failed: every.length - completed };
  const chosen = await chooseEnsemble(state, blobs);
  const trained = chosen?.trained ?? trainedOf(state, wanted);
  const bare: RunResult = {
    version: 1,
    name: state.experiment.name,
    experiment: state.experiment,
    variant: state.created.variant,
    ledger,
    data: {
      source: state.data.source,
      rows: { train: rowsOf(table, "train").length, test: rowsOf(table, "test").length },
      preprocessing: state.data.final.preprocessing,
      notes: state.data.notes,
    },
    members: chosen?.rows ?? memberRows(state, wanted),
    ...(growth && { growth }),
    metrics: { test: null, oob: null },
    oob: null,
    comparison: [],
    analysis: null,
    confusion: null,
    residuals: null,
    search: searchResult(state),
  };

  // Behind a failed part of a training there is no task for its later snapshots.
  const asked = final?.ensemble?.snapshots ? unitsOf(final.ensemble).length : wanted.length;
  const error = refusal(final, chosen?.asked ?? asked, trained.length);
  if (final?.objective) return finishObjective(tasks, bare, null);
  if (error || !final) {
    return { status: "error", result: bare, tasks, artifact: null, predictions: null, error };
  }
  const material = { manyfold, ledger, final, table, trained, chosen };
  const { ensemble, ...scored } = await score(state, blobs, material);
  const status = tasks.failed > 0 ? "partial" : "done";
  const search = bare.search && { ...bare.search, ...(ensemble && { ensemble }) };
  const result = { ...bare, ...scored.result, search };
  return { status, tasks, error: null, ...scored, result };
}

/** Why a final fit gives no artifact; null if it gives one. */
function refusal(final: Experiment | undefined, wanted: number, done: number): Finished["error"] {
  if (!final) {
    return {
      code: "failed",
      path: "search",
      message:
        "search must be left with at least one trial that completed, got none.\nThe report names each trial's failure.",
    };
  }
  const allowed = final.ensemble?.allowFailed ?? 0;
  const failed = wanted - done;
  if (done > 0 && failed <= allowed * wanted) return null;
  return {
    code: "failed",
    path: "ensemble.allowFailed",
    message: `ensemble.allowFailed must be at least the share of failed members, got ${allowed} with ${failed} of ${wanted} failed.\nThe report names each failure; a smaller learning rate helps against nan.`,
  };
}

interface Material {
  readonly manyfold: string;
  readonly ledger: Hash;
  readonly final: Experiment;
  readonly table: Table;
  readonly trained: readonly Trained[];
  /** With `ensemble.fromSearch`: which networks of the search are members, and by what weights. */
  readonly chosen: ChosenEnsemble | undefined;
}

async function score(
  state: RunState,
  blobs: BlobStore,
  { manyfold, ledger, final, table, trained, chosen }: Material,
): Promise<{
  result: Partial<RunResult>;
  artifact: { manifest: Uint8Array; weights: Uint8Array };
  predictions: PredictionTable;
  ensemble: SearchEnsemble | undefined;
}> {
  const { preprocessing } = state.data.final;
  const { target } = preprocessing;
  const combiner = chosen?.combiner ?? final.ensemble?.combine ?? { mean: {} };
  const bag = await outOfBagOf(final, blobs, table, target, trained);
  const members = chosen ? [...chosen.members] : artifactMembers(trained, table, final.ensemble);
  const numbers = members.map(({ member }) => member);
  const fit = chosen?.fit ?? bag?.fit ?? fitCombiner(combiner, numbers, null);
  const networks = await weightsOf(trained, blobs);

  const manifest: ManifestContent = {
    format: "manyfold-ensemble",
    version: 1,
    name: state.experiment.name,
    preprocessing,
    model: final.model,
    ...(chosen && { models: [...chosen.models] }),
    members,
    seed: final.seed,
    combiner,
    memberWeights: fit.weights && [...fit.weights],
    ...(fit.offsets && { offsets: [...fit.offsets] }),
    ...(bag?.calibration && { calibration: bag.calibration }),
    ...(bag?.conformal && { conformal: bag.conformal }),
    // What intervals may be in proportion to.
    residualVariance: bag?.residual ?? null,
    metrics: { test: null, oob: null },
    analysis: null,
    provenance: {
      manyfold,
      experiment: hashJson(state.experiment),
      source: state.data.source,
      table: state.data.final.table,
      variant: state.created.variant,
      draw: drawOf(final.ensemble),
      ledger,
    },
  };
  // Predicts what the finished artifact will: the same code, hence the same bits.
  const draft = buildEnsemble(manifest, networks);

  const on = final.data.split ? "test" : "train";
  const rows = rowsOf(table, on);
  const truth = truthOf(target, table.y, rows);
  const reported = await reportedMembers(final, blobs, target, trained, on);
  const x = rowsOfInputs(table, rows);
  const all = reported ?? draft.predictMembers(x);
  const combined = calibrate(bag?.calibration, combine(combiner, all, fit), all.outputs);
  const spread = spreadOf(all);
  const residual = isProbabilistic(all)
    ? null
    : chosen
      ? residualOf(chosen)
      : (bag?.residual ?? residualOnTraining(draft, table, target, combiner, fit));
  const gaussian = target.task === "regression" ? gaussianOf(all, residual) : undefined;
  const analysis = analyse(all, truth, on);
  const test = on === "test" ? metrics(truth, combined, gaussian) : null;
  const oob = bag?.scores ?? null;
  const curve = await learningCurveOf(state, blobs, {
    final,
    members: all,
    truth,
    trainRows: rowsOf(table, "train").length,
  });
  const robustness = chosen ? undefined : robustnessOf(final, table, members, networks, on);
  const beside =
    chosen && (await searchEnsemble(chosen, final, blobs, { manifest, x, truth, test }));
  const heads = headScores(draft, table, on);

  const artifact = encodeArtifact(
    {
      ...manifest,
      residualVariance: residual,
      metrics: { test, oob: oob?.metrics ?? null },
      analysis,
    },
    networks,
  );
  const drawn = drawnRows(trained, table, final);
  const rowNumbers = rows.map((row) => table.rowNumbers[row] ?? 0);
  return {
    artifact,
    ensemble: beside?.ensemble,
    predictions: predictionTable(target, rowNumbers, truth, all, combined),
    result: {
      metrics: { test, oob: oob?.metrics ?? null },
      oob,
      comparison: [
        ...comparisonOf(all, truth, gaussian, { combiner, combined }),
        ...(beside?.row ?? []),
      ],
      analysis,
      observatory: {
        ...observe(all, truth, { prediction: combined, gaussian, rowNumbers, drawn }),
        ...(on === "test" && bag && conformalScores(bag, all, truth, combined)),
      },
      ...(curve && { learningCurve: curve }),
      ...(robustness && { robustness }),
      ...(heads.length > 0 && { heads }),
      confusion: confusion(truth, combined),
      residuals: residualsOf(truth, combined, spread),
    },
  };
}

/** What out-of-bag rows say of the members. */
export interface Bag {
  readonly scores: OutOfBag;
  readonly fit: CombinerFit;
  readonly calibration: Calibration | undefined;
  /** Null where the rows were too few for the coverage, undefined where it is not asked for. */
  readonly conformal: Conformal | null | undefined;
  /** The combined prediction of the rows. */
  readonly prediction: Float64Array;
  readonly rows: FittingRows;
  readonly residual: number[] | null;
}

async function outOfBagOf(
  final: Experiment,
  blobs: BlobStore,
  table: Table,
  target: FittedTarget,
  trained: readonly Trained[],
): Promise<Bag | null> {
  const own = await outOfBagMembers(trained, table, blobs);
  if (own.length === 0) return null;
  const { members, rows, uncovered, membersPerRow } = outOfBag(
    target,
    own,
    rowsOf(table, "train"),
    final.model.output,
  );
  if (rows.length === 0) return null;
  const truth = truthOf(target, table.y, rows);
  const numbers = members.members.map(({ member }) => member);
  const combiner = final.ensemble?.combine ?? { mean: {} };
  const fit = fitCombiner(combiner, numbers, { members, truth });
  const uncalibrated = combine(combiner, members, fit);
  const spec = final.ensemble?.calibrate;
  const calibration = spec && fitCalibration(spec, truth, uncalibrated);
  const combined = calibrate(calibration, uncalibrated, members.outputs);
  const spread = spreadOf(members);
  const residual = isProbabilistic(members) ? null : residualVariance(truth, combined, spread);
  const gaussian = target.task === "regression" ? gaussianOf(members, residual) : undefined;
  const decided =
    final.train.earlyStopping?.on === "oob" ||
    final.ensemble?.stop !== undefined ||
    decidesOutOfBag(combiner) ||
    calibration !== undefined;
  // A searched setting can decide by these rows though the configuration's own did not.
  const conformal = decided ? undefined : final.ensemble?.conformal;
  return {
    fit,
    calibration,
    conformal:
      conformal && fitConformal(conformal, truth, combined, gaussian && { members, gaussian }),
    prediction: combined,
    rows: { members, truth },
    residual,
    scores: {
      metrics: metrics(truth, combined, gaussian),
      rows: rows.length,
      uncovered: Array.from(uncovered, (row) => table.rowNumbers[row] ?? 0),
      membersPerRow,
      // Rows that stopped a training or a bag's growth, weighed members, calibrated or chose the setting of a search
      // took part in a decision (DESIGN 9).
      biased: decided || trialCount(final) > 1,
    },
  };
}

/** Predictions as the tasks reported them; undefined where members are thinned networks. */
async function reportedMembers(
  final: Experiment,
  blobs: BlobStore,
  target: FittedTarget,
  trained: readonly Trained[],
  on: "test" | "train",
): Promise<Members | undefined> {
  if (final.ensemble?.dropout || final.ensemble?.fromSearch) return undefined;
  const predictions = await inTurn(trained, async ({ member, result }) => ({
    member,
    values: floatsOf(await blobOf(blobs, result.predictions[on]?.hash)),
  }));
  return membersOf(target, predictions, final.model.output);
}

/** Without out-of-bag rows the Gaussian's width comes from the training rows, which flatter. */
function residualOnTraining(
  draft: Ensemble,
  table: Table,
  target: FittedTarget,
  combiner: EnsembleManifest["combiner"],
  fit: CombinerFit,
): number[] | null {
  if (target.task === "classification") return null;
  const rows = rowsOf(table, "train");
  const members = draft.predictMembers(rowsOfInputs(table, rows));
  const combined = combine(combiner, members, fit);
  return residualVariance(truthOf(target, table.y, rows), combined, spreadOf(members));
}
