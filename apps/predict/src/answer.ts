import type { Prediction } from "@manyfold/ensemble";
import { ManyfoldError, type FittedTarget } from "@manyfold/protocol";
import { z } from "zod";

/** A number per class or per target column, by its name. */
const Named = z.record(z.string(), z.number());
type Named = z.infer<typeof Named>;
const Member = z.int().min(0).describe("Member number, as in GET /model.");

const ClassPrediction = z.strictObject({
  label: z.string().describe("The most probable class; the lower among equals."),
  probabilities: Named.describe("Probability of each class."),
  spread: z.number().describe("Deviation of the members' probabilities of that label."),
  members: z.array(z.strictObject({ member: Member, probabilities: Named })).optional(),
});

const ValuePrediction = z.strictObject({
  values: Named.describe("Value of each target column, in its own units."),
  spread: Named.describe("Deviation of the members' values of each target column."),
  members: z.array(z.strictObject({ member: Member, values: Named })).optional(),
});

type RowAnswer = z.infer<typeof ClassPrediction> | z.infer<typeof ValuePrediction>;

/** What `POST /predict` answers: a prediction per row, in the order of the rows. */
export interface PredictAnswer {
  predictions: RowAnswer[];
}

/** The schema of answers about one target. */
export function answerSchema({ task }: FittedTarget): z.ZodType<PredictAnswer> {
  return z.strictObject({
    predictions: z.array(task === "classification" ? ClassPrediction : ValuePrediction),
  });
}

/**
 * The predictions of some rows as they are answered: the same float64 numbers, by name.
 *
 * @param first number of the first row, for the error
 * @throws ManyfoldError `input` for a row whose prediction is not finite, which JSON cannot say
 */
export function rowAnswers(
  target: FittedTarget,
  { rows, outputs, values, labels, spread, members: { members } }: Prediction,
  { first, wantMembers }: { readonly first: number; readonly wantMembers: boolean },
): RowAnswer[] {
  const names =
    target.task === "classification" ? target.classes : target.columns.map(({ name }) => name);
  const one = (numbers: Float64Array, at: number, row: number): number => {
    const value = numbers[at] ?? NaN;
    if (Number.isFinite(value)) return value;
    throw notFinite(first + row, value);
  };
  const named = (numbers: Float64Array, row: number): Named =>
    Object.fromEntries(names.map((name, i) => [name, one(numbers, row * outputs + i, row)]));
  const ownOf = <Own>(row: number, own: (numbers: Named) => Own) =>
    wantMembers
      ? {
          members: members.map((each) => ({
            member: each.member,
            ...own(named(each.values, row)),
          })),
        }
      : {};

  return Array.from({ length: rows }, (_, row): RowAnswer => {
    const numbers = named(values, row);
    if (target.task === "regression") {
      return {
        values: numbers,
        spread: named(spread, row),
        ...ownOf(row, (own) => ({ values: own })),
      };
    }
    return {
      label: target.classes[labels?.[row] ?? 0] ?? "",
      probabilities: numbers,
      spread: one(spread, row, row),
      ...ownOf(row, (own) => ({ probabilities: own })),
    };
  });
}

function notFinite(row: number, value: number): ManyfoldError {
  return new ManyfoldError({
    code: "input",
    path: `rows.${row}`,
    condition: "a row whose prediction is finite",
    got: String(value),
    help: "Its values are too large for the networks: compare them with the ranges in GET /model.",
  });
}
