import type { Observatory } from "@manyfold/protocol";
import type { Members, Truth } from "../members.ts";
import { argmax } from "../probability.ts";

/**
 * Domingos 2000: the members' mean share of wrong answers, parted by the row's main prediction, the
 * class that most members choose (the lower among equals). A row is biased where that is wrong.
 *
 *     error of a member = bias + unbiased variance - biased variance
 *
 * exactly: where the main prediction is right, a member that departs from it errs; where it is
 * wrong, one that departs to the true class does not. The label counts as true, so noise in labels
 * is in the bias.
 *
 * @returns null for a regression
 */
export function zeroOneOf({ members, rows }: Members, truth: Truth): Observatory["zeroOne"] {
  if (truth.task === "regression") return null;
  const { classes, labels } = truth;
  const k = members.length;
  const votes = new Uint32Array(classes);
  let [bias, unbiased, biased, departed] = [0, 0, 0, 0];
  for (let row = 0; row < rows; row++) {
    votes.fill(0);
    for (const { values } of members) votes[argmax(values, row * classes, classes)]! += 1;
    const main = argmax(votes, 0, classes);
    const label = labels[row]!;
    departed += k - votes[main]!;
    if (main === label) unbiased += k - votes[main]!;
    else {
      bias++;
      biased += votes[label]!;
    }
  }
  const memberError = bias / rows + (unbiased - biased) / (k * rows);
  return {
    memberError,
    bias: bias / rows,
    variance: departed / (k * rows),
    unbiasedVariance: unbiased / (k * rows),
    biasedVariance: biased / (k * rows),
  };
}
