interface Outcome {
  readonly status: "done" | "failed" | "verdict";
  readonly task: string;
  readonly result?: { readonly weights: { readonly hash: string } };
}

/**
 * The successes in a stream's messages of outcomes, on a task's own subject or on that of several: of
 * each task the hashes of the weights that are stored for it, each once. Two sessions may both have
 * stored a task in messages of several; then it has to be the same result.
 */
export function storedSuccesses(bodies: Iterable<Uint8Array>): Map<string, Set<string>> {
  const stored = new Map<string, Set<string>>();
  for (const body of bodies) {
    const { outcomes } = JSON.parse(new TextDecoder().decode(body)) as {
      outcomes: readonly Outcome[];
    };
    for (const { status, task, result } of outcomes) {
      if (status !== "done" || result === undefined) continue;
      stored.set(task, (stored.get(task) ?? new Set()).add(result.weights.hash));
    }
  }
  return stored;
}
