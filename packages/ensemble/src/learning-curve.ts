import type { LearningCurve } from "@manyfold/protocol";
import { combine } from "./combiners.ts";
import { dot, errorsOf, idealPrediction } from "./errors.ts";
import { studentQuantile } from "./forecast.ts";
import { LEVEL } from "./intervals.ts";
import { fitLaw } from "./law.ts";
import { divisorOf } from "./errors.ts";
import type { Members, Truth } from "./members.ts";
import { pairProducts } from "./pairs.ts";
import { figure, percent } from "./sentences.ts";

/** An ensemble, and the number of rows that its members learned from. */
interface Part {
  readonly rows: number;
  readonly members: Members;
}

/** Ensembles on equally many rows: their mean figures, and their mean loss at each scored row. */
interface Point {
  readonly rows: number;
  readonly subsets: number;
  readonly v: number;
  readonly c: number | null;
  readonly error: number;
  readonly losses: Float64Array;
}

/**
 * What more training rows bring: v, c and the error of ensembles of equal size on growing parts of
 * the rows, and how much each step lowers the error, with an interval over the scored rows (Student's
 * t on the paired differences): these networks on new rows of the kind. What other subsets would have
 * given shows in the points alone, which are means over subsets.
 *
 * It is the only ground here for advice about more data: the law over members says where their
 * average ends and nothing of why.
 *
 * @param parts any number per number of rows; the largest number is the whole
 */
export function learningCurve(parts: readonly Part[], truth: Truth): LearningCurve {
  const counts = [...new Set(parts.map(({ rows }) => rows))].sort((a, b) => a - b);
  const points = counts.map((rows) =>
    pointOf(
      parts.filter((part) => part.rows === rows),
      truth,
    ),
  );
  const gains = points.slice(1).map((point, at) => gainBetween(points[at]!, point));
  const fit = fitOf(points);
  const told = points.map(({ rows, subsets, v, c, error }) => ({ rows, subsets, v, c, error }));
  const members = Math.max(...parts.map((part) => part.members.members.length));
  const figures = { members, points: told, gains, fit };
  return { ...figures, sentences: sentencesOf(figures) };
}

function pointOf(parts: readonly Part[], truth: Truth): Point {
  const each = parts.map(({ rows, members }) => {
    const errors = errorsOf(members, truth);
    const own = errors.members.map((error) => dot(error, error) / errors.divisor);
    const losses = lossesOf(members, truth);
    return { rows, v: mean(own), c: pairProducts(errors).c, error: mean(losses), losses };
  });
  const shared = each.flatMap(({ c }) => c ?? []);
  return {
    rows: each[0]!.rows,
    subsets: each.length,
    v: mean(each.map(({ v }) => v)),
    c: shared.length < each.length ? null : mean(shared),
    error: mean(each.map(({ error }) => error)),
    losses: each[0]!.losses.map((_, row) => mean(each.map(({ losses }) => losses[row]!))),
  };
}

/** Error of the members' mean at each row, such that their mean is the ensemble's error. */
function lossesOf(members: Members, truth: Truth): Float64Array {
  const ideal = idealPrediction(truth);
  const prediction = combine({ mean: {} }, members);
  const { outputs, rows } = members;
  const scale = rows / divisorOf(truth);
  return Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let at = row * outputs; at < (row + 1) * outputs; at++) {
      const error = prediction[at]! - ideal[at]!;
      sum += error * error;
    }
    return sum * scale;
  });
}

function gainBetween(less: Point, more: Point): LearningCurve["gains"][number] {
  const apart = less.losses.map((loss, row) => loss - more.losses[row]!);
  const gain = mean(apart);
  const squares = apart.reduce((sum, own) => sum + (own - gain) * (own - gain), 0);
  const rows = apart.length;
  const half =
    rows < 2 ? Infinity : studentQuantile(rows - 1) * Math.sqrt(squares / (rows - 1) / rows);
  const bound = Number.isFinite(half) ? half : Math.abs(gain);
  const interval = { low: gain - bound, high: gain + bound, level: LEVEL };
  return { from: less.rows, to: more.rows, gain, interval };
}

function fitOf(points: readonly Point[]): LearningCurve["fit"] {
  if (points.length < 3) return null;
  const found = fitLaw(
    points.map(({ rows }) => rows),
    points.map(({ error }) => error),
  );
  const most = points.at(-1)!.rows;
  return { ...found, doubled: found.floor + found.slope / (2 * most) };
}

function sentencesOf({ members, points, gains, fit }: Omit<LearningCurve, "sentences">): string[] {
  const last = gains.at(-1);
  const whole = points.at(-1);
  if (last === undefined || whole === undefined) return [];
  const { from, to, gain, interval } = last;
  const share = gain / (whole.error + gain);
  const range = `95 % interval ${figure(interval.low)} to ${figure(interval.high)}`;
  const what = `From ${from} to ${to} training rows the error of ${members} members' mean`;
  if (interval.low <= 0) {
    const [way, size] = gain < 0 ? ["rises", -gain] : ["falls", gain];
    return [
      `${what} ${way} by ${figure(size)}, which chance can do (${range}): these rows give no ground to expect that more of them would help.`,
    ];
  }
  const further =
    fit === null || fit.slope <= 0
      ? "more rows like these should help further."
      : `if it goes on as floor + slope/n, as it does here with R^2 ${figure(fit.r2)}, ${2 * to} rows would bring it from ${figure(whole.error)} to about ${figure(fit.doubled)}.`;
  return [`${what} falls by ${figure(gain)}, ${percent(share)} (${range}): ${further}`];
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}
