import type { Observatory } from "@manyfold/protocol";
import { idealPrediction } from "../errors.ts";
import type { Truth } from "../members.ts";
import { argmax } from "../probability.ts";

/** How unsure an ensemble is of each row, and what answering it costs. */
interface Answers {
  /** `[rows]`: answered from the smallest on. */
  readonly doubt: Float64Array;
  /** `[rows]`: 1 for a wrong class, or the squared error. */
  readonly loss: Float64Array;
}

/** Points of the curve. */
const POINTS = 50;

/**
 * Risk against coverage (El-Yaniv and Wiener 2010): the error on the rows that are answered if the
 * least sure ones are not. Rows are ranked by what `--abstain` looks at: the probability of the
 * most probable class, or the members' spread (the largest of several targets'). AURC (Geifman,
 * Uziel and El-Yaniv 2019) is the mean of the risk over 1, 2, ..., all rows answered; rows of equal
 * doubt are taken to come in any order. The oracle ranks by the loss itself.
 *
 * @param spread `[rows, outputs]` deviation over members; used for regression
 * @returns null where nothing ranks the rows: all are of equal doubt
 */
export function selectiveOf(
  truth: Truth,
  prediction: Float64Array,
  spread: Float64Array,
): Observatory["selective"] {
  const classification = truth.task === "classification";
  const { doubt, loss } = classification
    ? classAnswers(truth, prediction)
    : valueAnswers(truth, prediction, spread);
  const rows = truth.rows;
  const order = Array.from(doubt.keys()).sort((a, b) => doubt[a]! - doubt[b]!);
  if (doubt[order[0]!] === doubt[order.at(-1)!]) return null;

  const { area, ends } = curveOf(order, doubt, loss);
  const all = ends.at(-1)!.risk;
  const best = Float64Array.from(loss).sort();
  let [sum, oracle] = [0, 0];
  for (const [at, own] of best.entries()) oracle += (sum += own) / (at + 1) / rows;
  const points: NonNullable<Observatory["selective"]>["points"] = [];
  for (let point = 1, at = 0; point <= POINTS; point++) {
    while (ends[at]!.answered < Math.ceil((point / POINTS) * rows)) at++;
    const { answered, risk, doubt: limit } = ends[at]!;
    const share = answered / rows;
    if (points.at(-1)?.share === share) continue;
    points.push({ share, risk, threshold: classification ? -limit : limit });
  }
  const by = classification ? "probability" : "spread";
  return { by, risk: all, aurc: area, oracle, points };
}

/** Risk after each block of rows of equal doubt, and the mean risk over all numbers of rows. */
function curveOf(order: readonly number[], doubt: Float64Array, loss: Float64Array) {
  const rows = order.length;
  const ends: { readonly answered: number; readonly risk: number; readonly doubt: number }[] = [];
  let [area, sum] = [0, 0];
  for (let from = 0; from < rows;) {
    const level = doubt[order[from]!]!;
    let to = from;
    let block = 0;
    while (to < rows && doubt[order[to]!] === level) block += loss[order[to++]!]!;
    const each = block / (to - from);
    for (let answered = from + 1; answered <= to; answered++) {
      area += (sum + each * (answered - from)) / answered / rows;
    }
    sum += block;
    ends.push({ answered: to, risk: sum / to, doubt: level });
    from = to;
  }
  return { area, ends };
}

function classAnswers(
  { rows, classes, labels }: Extract<Truth, { task: "classification" }>,
  prediction: Float64Array,
): Answers {
  const doubt = new Float64Array(rows);
  const loss = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const top = argmax(prediction, row * classes, classes);
    doubt[row] = -prediction[row * classes + top]!;
    loss[row] = top === labels[row] ? 0 : 1;
  }
  return { doubt, loss };
}

function valueAnswers(
  truth: Extract<Truth, { task: "regression" }>,
  prediction: Float64Array,
  spread: Float64Array,
): Answers {
  const { rows, targets } = truth;
  const ideal = idealPrediction(truth);
  const doubt = new Float64Array(rows);
  const loss = new Float64Array(rows);
  for (let at = 0; at < rows * targets; at++) {
    const row = Math.floor(at / targets);
    const error = prediction[at]! - ideal[at]!;
    doubt[row] = Math.max(doubt[row]!, spread[at]!);
    loss[row]! += (error * error) / targets;
  }
  return { doubt, loss };
}
