import type { Execution, Failure, FailureCode } from "@manyfold/protocol";
import { isFree } from "./decisions.ts";
import { allTasks } from "./plan.ts";
import type { RunState } from "./state.ts";
import { outcomeOf } from "./state.ts";
import { CLOCKS } from "./stop.ts";

/** What a machine decided, in words; a run with such a verdict may end otherwise elsewhere. */
const CHANCE: { readonly [Code in FailureCode]?: string } = {
  lost: "a lost worker",
  timeout: "a time limit",
  oom: "a lack of memory",
  exception: "an unexpected error",
  poison: "the loss of every worker that tried",
};

/** Facts of the surroundings that the coordinator cannot know by itself. */
export interface Setting {
  readonly executor: string;
  readonly host: string;
  /** Machine of a worker, where workers are not all on the host. */
  readonly hostOf?: (worker: string) => string;
  readonly node: string;
  readonly manyfold: string;
}

/** Who did it, when, on what, how often; and whether it would come out the same again. */
export function executionOf(state: RunState, setting: Setting): Execution {
  const { labour, created } = state;
  const reasons = reasonsOf(state);
  return {
    runId: state.run,
    executor: setting.executor,
    variant: created.variant,
    workers: [...labour.tasks]
      .map(([id, tasks]) => ({ id, host: setting.hostOf?.(id) ?? setting.host, tasks }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
    attempts: labour.attempts,
    lost: labour.lost,
    copies: labour.copies,
    started: new Date(labour.started).toISOString(),
    finished: new Date(labour.last).toISOString(),
    seconds: { total: labour.active / 1000, train: labour.trainSeconds },
    reproducible: reasons.length === 0,
    reasons,
    ...(labour.spans.length > 0 && { timeline: labour.spans }),
    manyfold: setting.manyfold,
    node: setting.node,
  };
}

function reasonsOf(state: RunState): string[] {
  const counts = new Map<string, number>();
  for (const { id } of allTasks(state)) {
    const outcome = outcomeOf(state, id);
    const reason =
      outcome && "code" in outcome ? CHANCE[(outcome satisfies Failure).code] : undefined;
    if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  const reasons = [...counts].map(
    ([reason, count]) =>
      `${count} ${count === 1 ? "task was" : "tasks were"} given up because of ${reason}`,
  );
  const { stopped } = state;
  if (stopped && CLOCKS.has(stopped.by)) {
    reasons.push(`search.budget.${stopped.by} ended the search, at a trial that a clock chose`);
  }
  if (isFree(state)) {
    reasons.push(
      "search.order: free has each decision see the results that happened to be there; another run tries other settings",
    );
  }
  if (state.created.variant === "blas") {
    reasons.push(
      "the system's BLAS computed the gradients, and its sums may be ordered otherwise elsewhere",
    );
  }
  return reasons;
}
