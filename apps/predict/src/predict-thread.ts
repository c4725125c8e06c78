import { openArtifact, type LoadedEnsemble, type Prediction } from "@manyfold/ensemble";

/** What a thread is asked to predict. */
export interface SliceTask {
  /** Names the artifact: a thread opens each once. */
  readonly key: string;
  /** The artifact's files, on shared memory. */
  readonly manifest: Uint8Array;
  readonly weights: Uint8Array;
  /** Encoded rows `[rows, width]`. */
  readonly x: Float32Array;
  /** Whether each member's own prediction is wanted too. */
  readonly members: boolean;
}

/** Artifacts that a thread keeps open. */
const MOST_OPEN = 8;
const opened = new Map<string, LoadedEnsemble>();

function ensembleOf({ key, manifest, weights }: SliceTask): LoadedEnsemble {
  const known = opened.get(key);
  if (known !== undefined) return known;
  // Text is not decoded from memory that others might write.
  const ensemble = openArtifact(manifest.slice(), weights.slice(), key);
  const [oldest] = opened.keys();
  if (opened.size >= MOST_OPEN && oldest !== undefined) opened.delete(oldest);
  opened.set(key, ensemble);
  return ensemble;
}

/** Predicts a slice; the thread's one task. */
export function predictSlice(task: SliceTask): Prediction {
  const prediction = ensembleOf(task).predict(task.x);
  return task.members ? prediction : withoutMembers(prediction);
}

function withoutMembers(prediction: Prediction): Prediction {
  const bare = <P extends Pick<Prediction, "members">>(own: P): P => ({
    ...own,
    members: { ...own.members, members: [] },
  });
  return { ...bare(prediction), heads: prediction.heads.map(bare) };
}
