import {
  ARTIFACT_VERSION,
  canonicalJson,
  complaintsOf,
  type Conformal,
  EnsembleManifest,
  type FittedColumn,
  hashBytes,
  ManyfoldError,
  pathText,
  show,
} from "@manyfold/protocol";
import type { Network } from "@manyfold/core";
import { requireCombiner, weightingOf } from "./combiners.ts";
import { fittedOf } from "./conformal.ts";
import { outputsOf } from "./members.ts";
import { buildEnsemble, type Ensemble, networkOf } from "./predictor.ts";
import { decodeSafetensors, encodeSafetensors, type Tensor } from "./safetensors.ts";

const MANIFEST = "manifest.json";
const WEIGHTS = "weights.safetensors";

/** The bytes of manifest.json and weights.safetensors. */
export interface ArtifactFiles {
  readonly manifest: Uint8Array<ArrayBuffer>;
  readonly weights: Uint8Array<ArrayBuffer>;
}

/** A manifest but for what follows from the weights file. */
export type ManifestContent = Omit<EnsembleManifest, "weights">;

/** An ensemble and the document it came with. */
export interface LoadedEnsemble extends Ensemble {
  readonly manifest: EnsembleManifest;
}

/**
 * The two files of an artifact. Equal content gives equal bytes: keys are sorted, tensors lie in
 * the order of their names, and there is no time and no run in them.
 *
 * @param networks flat weights of each network, in the order of `network.parameters`
 *
 * @example
 * const { manifest, weights } = encodeArtifact(content, networks);
 */
export function encodeArtifact(
  content: ManifestContent,
  networks: readonly Float32Array[],
): ArtifactFiles {
  const tensors = new Map<string, Tensor>();
  for (const [index, weights] of networks.entries()) {
    for (const { name, shape, offset, size } of layoutOf(content, index).parameters.tensors) {
      const values = weights.subarray(offset, offset + size);
      tensors.set(tensorName(index, name), { shape, values });
    }
  }
  const weights = encodeSafetensors(tensors);
  const manifest: EnsembleManifest = {
    ...content,
    weights: { hash: hashBytes(weights), bytes: weights.length },
  };
  const text = `${canonicalJson(EnsembleManifest.parse(manifest))}\n`;
  return { manifest: new TextEncoder().encode(text), weights };
}

/**
 * Opens an artifact, trusting nothing: the manifest against its schema, the weights against their
 * hash, every tensor against the model, every member against the networks and inputs there are.
 *
 * @param folder names the artifact in errors
 * @throws ManyfoldError `artifact` for anything truncated, tampered with, or of a newer version
 *
 * @example
 * const ensemble = openArtifact(manifestBytes, weightsBytes);
 * ensemble.predict(encodeRows(ensemble.manifest.preprocessing, rows)).values;
 */
export function openArtifact(
  manifestBytes: Uint8Array,
  weightsBytes: Uint8Array,
  folder = "artifact",
): LoadedEnsemble {
  const manifest = parseManifest(manifestBytes, `${folder}/${MANIFEST}`);
  requireConsistent(manifest, `${folder}/${MANIFEST}`);
  const path = `${folder}/${WEIGHTS}`;
  const { hash, bytes } = manifest.weights;
  if (weightsBytes.length !== bytes) {
    throw refused(path, `${bytes} bytes long, as the manifest says`, show(weightsBytes.length));
  }
  const found = hashBytes(weightsBytes);
  if (found !== hash) throw refused(path, `of sha256 ${hash}, as the manifest says`, found);
  return { manifest, ...buildEnsemble(manifest, networksOf(manifest, weightsBytes, folder)) };
}

/** Flat weights of an opened artifact's networks. */
export function networksOf(
  manifest: EnsembleManifest,
  weightsBytes: Uint8Array,
  folder: string,
): Float32Array[] {
  const path = `${folder}/${WEIGHTS}`;
  return networksIn(manifest, decodeSafetensors(weightsBytes, path), path);
}

function parseManifest(bytes: Uint8Array, path: string): EnsembleManifest {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw refused(path, "a complete JSON document");
  }
  const { format, version }: Partial<Record<"format" | "version", unknown>> =
    typeof json === "object" && json !== null ? json : {};
  if (format !== "manyfold-ensemble") {
    throw refused(path, 'a manifest with format "manyfold-ensemble"', show(format));
  }
  if (typeof version === "number" && version > ARTIFACT_VERSION) {
    throw new ManyfoldError({
      code: "artifact",
      path: `${path} version`,
      condition: `at most ${ARTIFACT_VERSION}`,
      got: show(version),
      help: "A newer version of manyfold wrote this artifact; update manyfold to read it.",
    });
  }
  const parsed = EnsembleManifest.safeParse(json);
  if (parsed.success) return parsed.data;
  const [first] = complaintsOf(parsed.error, json, EnsembleManifest);
  throw first === undefined
    ? refused(path, "a manifest of this version")
    : refused(`${path} ${pathText(first.path)}`, first.condition, first.got);
}

/** What a schema cannot say: the parts fit each other. */
function requireConsistent(manifest: EnsembleManifest, path: string): void {
  const { preprocessing, members, combiner, memberWeights, residualVariance } = manifest;
  const { inputs, target, width } = preprocessing;
  const demand = (holds: boolean, at: string, condition: string, got: unknown): void => {
    if (!holds) throw refused(`${path} ${at}`, condition, show(got));
  };
  const encoded = inputs.reduce((sum, column) => sum + widthOf(column), 0);
  demand(width === encoded, "preprocessing.width", `${encoded}, as its inputs`, width);
  let last = -1;
  for (const [index, { member, features }] of members.entries()) {
    const at = `members.${index}`;
    demand(member > last, `${at}.member`, `above ${last}, members being in order`, member);
    last = member;
    if (features === null) continue;
    const ascending = features.every((feature, i) => feature > (features[i - 1] ?? -1));
    const fits = ascending && features.length > 0 && (features.at(-1) ?? 0) < width;
    demand(fits, `${at}.features`, `ascending and below ${width}`, features);
  }
  // Every network has a member, so there are no more networks than members.
  const used = new Set(members.map(({ network }) => network));
  const dense = members.every(({ network }) => network < used.size);
  demand(dense, "members", `of networks 0 to ${used.size - 1}`, Math.max(...used));
  if (manifest.models) {
    const { length } = manifest.models;
    demand(length === used.size, "models", `one for each of ${used.size} networks`, length);
  }
  for (const index of used) {
    const sizes = new Set(featureCounts(manifest, index));
    demand(sizes.size === 1, `members of network ${index}`, "of one number of inputs", [...sizes]);
  }
  const { weights, signed, offsets } = weightingOf(combiner);
  if (weights) {
    const fits =
      memberWeights?.length === members.length &&
      (signed || memberWeights.every((weight) => weight >= 0)) &&
      memberWeights.some((weight) => weight !== 0);
    demand(fits, "memberWeights", `${members.length} shares, not all 0`, memberWeights);
  }
  if (offsets) {
    const fits = manifest.offsets?.length === outputsOf(target);
    demand(fits, "offsets", "one number per output", manifest.offsets);
  }
  const { calibration } = manifest;
  if (calibration !== undefined) {
    const curves = "isotonic" in calibration ? calibration.isotonic.curves : null;
    const fits =
      target.task === "classification" &&
      (curves === null || curves.length === outputsOf(target)) &&
      (curves ?? []).every(
        ({ from, to }) =>
          from.length === to.length && from.every((x, at) => x >= (from[at - 1] ?? -Infinity)),
      );
    demand(fits, "calibration", "of the target's classes, with rising corners", calibration);
  }
  const { heads = [] } = preprocessing;
  const wanted = (manifest.model.heads ?? []).map(({ task }) => task);
  demand(
    show(heads.map(({ task }) => task)) === show(wanted),
    "preprocessing.heads",
    "a target of its task for each of model.heads",
    heads.length,
  );
  const { conformal } = manifest;
  if (conformal !== undefined) {
    const fits =
      "interval" in conformal
        ? target.task === "regression" && conformal.interval.radius.length === outputsOf(target)
        : target.task === "classification";
    demand(fits, "conformal", "of the target's task and columns", conformal);
    requireScores(conformal, outputsOf(target), demand);
  }
  if (residualVariance !== null) {
    const fits = target.task === "regression" && residualVariance.length === outputsOf(target);
    demand(fits, "residualVariance", "one number per target column", residualVariance);
  }
  asArtifact(path, () => {
    requireCombiner(combiner, target.task);
    for (const index of manifest.models ? used : [0]) layoutOf(manifest, index);
  });
}

/** Kept scores are sorted, of every target, and reach the last of the rows behind them. */
function requireScores(
  conformal: Conformal,
  outputs: number,
  demand: (holds: boolean, at: string, condition: string, got: unknown) => void,
): void {
  const { rows, scores } = fittedOf(conformal);
  if (scores === undefined) return;
  const { ranks, values } = scores;
  const count = ranks?.length ?? rows;
  const lists = "interval" in conformal ? outputs : 1;
  const rising = (own: readonly number[], least: number) =>
    own.every((value, at) => at === 0 || value - own[at - 1]! >= least);
  const ranked = ranks === undefined || (rising(ranks, 1) && ranks.at(-1) === rows);
  const sorted = values.every((own) => own.length === count && rising(own, 0));
  const holds = ranked && sorted && values.length === lists;
  demand(holds, "conformal.scores", "sorted, one per rank and target", "others");
}

/** Number of inputs that each member of a network sees. */
function featureCounts({ members, preprocessing }: ManifestContent, network: number): number[] {
  return members
    .filter((member) => member.network === network)
    .map(({ features }) => features?.length ?? preprocessing.width);
}

function layoutOf(content: ManifestContent, network: number): Network {
  const [inputs] = featureCounts(content, network);
  return networkOf(content, inputs ?? content.preprocessing.width, network);
}

function widthOf(column: FittedColumn): number {
  const values = column.kind === "categorical" ? column.levels.length : 1;
  return values + (column.indicator ? 1 : 0);
}

function tensorName(network: number, parameter: string): string {
  return `networks.${network}.${parameter}`;
}

/** Flat weights of every network; exactly the model's tensors have to be there, all finite. */
function networksIn(
  manifest: EnsembleManifest,
  tensors: Map<string, Tensor>,
  path: string,
): Float32Array[] {
  const count = new Set(manifest.members.map(({ network }) => network)).size;
  const unread = new Set(tensors.keys());
  const networks = Array.from({ length: count }, (_, index) => {
    const { size, tensors: layout } = layoutOf(manifest, index).parameters;
    const parts = layout.map(({ name, shape, offset }) => {
      const full = tensorName(index, name);
      const tensor = tensors.get(full);
      const wanted = `a tensor ${full} of shape ${show(shape)}`;
      if (tensor === undefined) throw refused(path, `a file with ${wanted}`, "none");
      if (show(tensor.shape) !== show(shape)) {
        throw refused(path, `a file with ${wanted}`, show(tensor.shape));
      }
      if (!tensor.values.every(Number.isFinite)) {
        throw refused(path, `a file of finite numbers`, `others in ${full}`);
      }
      unread.delete(full);
      return { offset, values: tensor.values };
    });
    const weights = new Float32Array(size);
    for (const { offset, values } of parts) weights.set(values, offset);
    return weights;
  });
  const [foreign] = unread;
  if (foreign !== undefined) throw refused(path, "a file of the model's tensors only", foreign);
  return networks;
}

/** An error in what an artifact asks for is an error of the artifact. */
function asArtifact(path: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof ManyfoldError)) throw error;
    throw refused(path, "consistent", error.message.split("\n")[0]);
  }
}

function refused(path: string, condition: string, got?: string): ManyfoldError {
  return new ManyfoldError({
    code: "artifact",
    path,
    condition,
    ...(got === undefined ? {} : { got }),
    help: "The artifact is damaged or was changed; copy it again or run the experiment again.",
  });
}
