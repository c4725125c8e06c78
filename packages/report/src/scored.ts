import type { ErrorAnalysis, MemberRow, RunResult } from "@manyfold/protocol";

/** What the scoring of members gives, whoever trained them. */
export type Scored = Pick<RunResult, "metrics" | "comparison" | "confusion" | "residuals"> &
  Pick<Partial<RunResult>, "observatory"> & {
    readonly analysis: ErrorAnalysis | null;
    /** How trainings ended; none where members came from elsewhere. */
    readonly members: readonly MemberRow[];
  };
