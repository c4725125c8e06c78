import type { SearchSpec, StopReason } from "@manyfold/protocol";
import type { Cell } from "./scheduler.ts";

/** Looks on as results come in; see {@link watchOf}. */
export interface Watch {
  /** Takes in a result: lower is better, null for a failure. */
  tell(cell: Cell, value: number | null): void;
  /** The budget that is used up by what was told. */
  reason(): StopReason | undefined;
}

/**
 * The budgets of a search that its results use up: a target that the best trial has reached, failed
 * trials, results since the best one. Undefined where there is none. Values are to be minimised:
 * who maximises negates them and the target, at the boundary.
 */
export function watchOf({ budget }: Pick<SearchSpec, "budget">): Watch | undefined {
  const { target, failures, stagnation } = budget ?? {};
  if (target === undefined && failures === undefined && stagnation === undefined) return undefined;
  let best: { rung: number; value: number } | undefined;
  let failed = 0;
  let since = 0;
  return {
    tell: ({ rung }, value) => {
      since += 1;
      if (value === null) failed += 1;
      // As trials are ranked: those that came further in their training before others.
      else if (!best || rung > best.rung || (rung === best.rung && value < best.value)) {
        best = { rung, value };
        since = 0;
      }
    },
    reason: () => {
      if (target !== undefined && best !== undefined && best.value <= target) return "target";
      if (failures !== undefined && failed >= failures) return "failures";
      if (stagnation !== undefined && since >= stagnation) return "stagnation";
      return undefined;
    },
  };
}
