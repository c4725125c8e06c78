import { rowEncoder } from "@manyfold/data";
import { openArtifact, type LoadedEnsemble } from "@manyfold/ensemble";
import { readArtifact } from "@manyfold/files";
import { canonicalJson, hashBytes } from "@manyfold/protocol";
import type { z } from "zod";
import { createBatcher, type Batcher } from "./batcher.ts";
import { Refused } from "./failure.ts";
import type { Limits } from "./limits.ts";
import { modelAnswer } from "./model.ts";
import { requestSchema, type PredictRequest } from "./request.ts";

/** The folder of an artifact, or an ensemble that `openArtifact` opened. */
export type Artifact = string | LoadedEnsemble;

/** An artifact as it is served. */
export interface Served {
  readonly name: string;
  /** Twelve digits of the hash of its manifest, and so of its weights. */
  readonly version: string;
  readonly ensemble: LoadedEnsemble;
  readonly schema: z.ZodType<PredictRequest>;
  /** Inputs of rows that need no explanation, else null. */
  readonly encode: (rows: readonly unknown[]) => Float32Array | null;
  readonly batcher: Batcher;
  /** The answer of `GET /model`, written once: large, and the same for as long as it is served. */
  readonly model: string;
  /** Rows that are predicted before others have their turn. */
  readonly step: number;
  /** Its files on shared memory, for threads; null for an ensemble that was opened elsewhere. */
  readonly files: { readonly manifest: Uint8Array; readonly weights: Uint8Array } | null;
}

/** Which artifact a request means; without a name the first, without a version the newest named. */
export interface Wanted {
  readonly name?: string | undefined;
  readonly version?: string | undefined;
}

/** The artifacts that are served, by name and version. */
export interface Catalogue {
  all(): readonly Served[];
  find(wanted: Wanted): Served;
  /** Reads every folder anew; serves what it found only if all of them could be opened. */
  reload(): Promise<readonly Served[]>;
}

/**
 * Opens artifacts. Those of one name are versions of one model, of which the last is the default.
 *
 * @throws ManyfoldError for a folder that holds no artifact we can read
 */
export async function openCatalogue(
  artifacts: readonly Artifact[],
  limits: Limits,
  onBatch: (rows: number) => void,
): Promise<Catalogue> {
  const open = async (): Promise<Served[]> => {
    const opened: Served[] = [];
    for (const artifact of artifacts) opened.push(await serve(artifact, limits, onBatch));
    return opened;
  };
  let current = await open();
  return {
    all: () => current,
    find: ({ name = current[0]?.name, version }) => {
      const named = current.filter((one) => one.name === name);
      const found = named.findLast((one) => version === undefined || one.version === version);
      if (found !== undefined) return found;
      const known = current.map((one) => `${one.name}/${one.version}`).join(", ");
      throw new Refused(404, {
        code: "usage",
        path: "model",
        condition: `one of ${known}`,
        got: version === undefined ? `${name}` : `${name}/${version}`,
        help: "GET /models lists them.",
      });
    },
    reload: async () => {
      const anew = await open();
      // What has not changed stays as it is, with the requests that wait in it.
      current = anew.map(
        (one) => current.find((old) => old.name === one.name && old.version === one.version) ?? one,
      );
      return current;
    },
  };
}

async function serve(
  artifact: Artifact,
  limits: Limits,
  onBatch: (rows: number) => void,
): Promise<Served> {
  const files = typeof artifact === "string" ? await readArtifact(artifact) : null;
  const ensemble =
    typeof artifact === "string" && files !== null
      ? openArtifact(files.manifest, files.weights, artifact)
      : (artifact as LoadedEnsemble);
  const { manifest } = ensemble;
  const version = hashBytes(new TextEncoder().encode(canonicalJson(manifest))).slice(0, 12);
  return {
    name: manifest.name,
    version,
    ensemble,
    schema: requestSchema(manifest.preprocessing, limits),
    encode: rowEncoder(manifest.preprocessing),
    batcher: createBatcher(ensemble, onBatch),
    model: JSON.stringify(modelAnswer(manifest, version)),
    step: rowsPerSlice(ensemble),
    files:
      files === null ? null : { manifest: shared(files.manifest), weights: shared(files.weights) },
  };
}

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

/** Multiplications that a slice takes at most, some 0.1 s; a single row may take more. */
const SLICE_WORK = 5e7;
const SLICE_ROWS = 256;
const FLOAT32_BYTES = 4;

function rowsPerSlice({ manifest: { weights, members } }: LoadedEnsemble): number {
  const networks = new Set(members.map(({ network }) => network)).size;
  const perRow = (weights.bytes / FLOAT32_BYTES / networks) * members.length;
  return Math.min(SLICE_ROWS, Math.max(1, Math.floor(SLICE_WORK / perRow)));
}
