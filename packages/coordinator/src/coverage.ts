import type { Frame, Members, Truth } from "@manyfold/ensemble";
import {
  conformalCurve,
  fitConformal,
  frameOf,
  gaussianOf,
  REGION_SCORES,
  scoreConformal,
  scoreJackknife,
} from "@manyfold/ensemble";
import type { Conformal, Observatory } from "@manyfold/protocol";
import type { Bag } from "./finish.ts";

/**
 * Coverage on the test rows: of what the artifact applies, of the other scores that it could have
 * been made of, and of jackknife+-after-bootstrap, which needs every training row. Beside it the
 * artifact's own at other coverages.
 */
export function conformalScores(
  { conformal: fitted, rows, residual, prediction }: Bag,
  members: Members,
  truth: Truth,
  combined: Float64Array,
): Pick<Observatory, "conformal" | "conformalCurve"> | null {
  if (fitted === undefined) return null;
  if (fitted === null) return { conformal: [], conformalCurve: [] };
  const framed = (conformal: Conformal): Frame | null => {
    if (truth.task === "classification") return null;
    const gaussian = gaussianOf(members, residual);
    return frameOf(conformal, { members, prediction: combined, gaussian, scale: truth.scale });
  };
  const own = scoreConformal(fitted, truth, combined, framed(fitted));
  const { coverage } = own;
  const gaussian = truth.task === "regression" ? gaussianOf(rows.members, residual) : undefined;
  const others = REGION_SCORES[truth.task].flatMap((score) => {
    if (score === own.score) return [];
    const oob = gaussian && { members: rows.members, gaussian };
    const other = fitConformal({ coverage, score }, rows.truth, prediction, oob);
    return other === null ? [] : scoreConformal(other, truth, combined, framed(other));
  });
  const jackknife = scoreJackknife(rows, members, truth, coverage);
  return {
    conformal: [own, ...others, ...(jackknife === null ? [] : [jackknife])],
    conformalCurve: conformalCurve(fitted, truth, combined, framed(fitted)),
  };
}
