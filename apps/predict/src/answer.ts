import { abstains, outputNames, varianceAt } from "@manyfold/ensemble";
import { ManyfoldError, type Preprocessing } from "@manyfold/protocol";
import { z } from "zod";
import type { Part } from "./batcher.ts";

/** A number per class or per target column, by its name. */
const Named = z.record(z.string(), z.number());
type Named = z.infer<typeof Named>;
const Member = z.int().min(0).describe("Member number, as in GET /model.");
const Abstained = z.boolean().optional().describe("Whether it abstains; where asked for.");

const HeadAnswer = z.union([
  z.strictObject({ label: z.string(), probabilities: Named, spread: z.number() }),
  z.strictObject({ value: z.number(), spread: z.number() }),
]);
const Heads = z
  .record(z.string(), HeadAnswer)
  .optional()
  .describe("Each further target that the networks predict, by its column.");

const ClassPrediction = z.strictObject({
  label: z
    .string()
    .nullable()
    .describe("The most probable class, the lower among equals; null where the ensemble abstains."),
  probabilities: Named.describe("Probability of each class."),
  spread: z.number().describe("Deviation of the members' probabilities of that label."),
  set: z.array(z.string()).optional().describe("Classes that hold the true one at the coverage."),
  abstained: Abstained,
  members: z.array(z.strictObject({ member: Member, probabilities: Named })).optional(),
  heads: Heads,
});

const Variance = z
  .strictObject({
    aleatoric: Named.describe("What the members predict themselves, their mean."),
    epistemic: Named.describe("What they disagree about: the variance of their values."),
    total: Named.describe("Both together: that of the members' equal-weight mixture."),
  })
  .describe("Of each target column, squared units: where the networks predict distributions.");

const ValuePrediction = z.strictObject({
  values: Named.describe("Value of each target column, in its own units."),
  spread: Named.describe("Deviation of the members' values of each target column."),
  variance: Variance.optional(),
  interval: z
    .record(z.string(), z.tuple([z.number(), z.number()]))
    .optional()
    .describe("Lowest and highest value at the coverage, of each target column."),
  abstained: Abstained,
  members: z.array(z.strictObject({ member: Member, values: Named })).optional(),
  heads: Heads,
});

type ClassPrediction = z.infer<typeof ClassPrediction>;
type ValuePrediction = z.infer<typeof ValuePrediction>;
type RowAnswer = ClassPrediction | ValuePrediction;

/** What `POST /predict` answers: a prediction per row, in the order of the rows. */
export interface PredictAnswer {
  predictions: RowAnswer[];
}

/** The schema of answers about any target. */
export const AnyAnswer = z.strictObject({
  predictions: z.union([z.array(ClassPrediction), z.array(ValuePrediction)]),
});

/** What a request asked of its rows. */
export interface Asked {
  readonly members: boolean;
  readonly abstain: number | undefined;
  /** Of intervals or sets; what the experiment asked for where undefined. */
  readonly coverage: number | undefined;
}

/**
 * The predictions of some rows as they are answered: the same float64 numbers, by name.
 *
 * @param first number of the part's first row in the request, for the error
 * @throws ManyfoldError `input` for a row whose prediction is not finite, which JSON cannot say
 */
export function rowAnswers(
  { target, heads = [] }: Pick<Preprocessing, "target" | "heads">,
  { prediction, from, count }: Part,
  first: number,
  asked: Asked,
): RowAnswer[] {
  const { outputs, values, labels, spread, moments, region } = prediction;
  const { members } = prediction.members;
  const names = outputNames(target);
  const one = (numbers: Float64Array, at: number, row: number): number => {
    const value = numbers[at] ?? NaN;
    if (Number.isFinite(value)) return value;
    throw notFinite(first + row - from, value);
  };
  const named = (numbers: Float64Array, row: number): Named => {
    const all: Named = {};
    for (let i = 0; i < names.length; i++) {
      put(all, names[i]!, one(numbers, row * outputs + i, row));
    }
    return all;
  };
  const regionAt = (row: number): Pick<ValuePrediction & ClassPrediction, "interval" | "set"> => {
    if (region === null) return {};
    if (region.kind === "set") {
      return { set: names.filter((_, cls) => region.classes[row * outputs + cls] === 1) };
    }
    const interval: Record<string, [number, number]> = {};
    for (let i = 0; i < names.length; i++) {
      const at = row * outputs + i;
      put(interval, names[i]!, [one(region.low, at, row), one(region.high, at, row)]);
    }
    return { interval };
  };
  const total = moments && moments.aleatoric.map((_, at) => varianceAt(moments, at));
  const varianceOf = (row: number): Pick<ValuePrediction, "variance"> => {
    if (moments === null || total === null) return {};
    const { aleatoric, epistemic } = moments;
    const [own, apart] = [named(aleatoric, row), named(epistemic, row)];
    return { variance: { aleatoric: own, epistemic: apart, total: named(total, row) } };
  };
  const headsOf = (row: number): Pick<RowAnswer, "heads"> => {
    if (heads.length === 0) return {};
    const all: NonNullable<RowAnswer["heads"]> = {};
    for (const [i, head] of heads.entries()) {
      const own = prediction.heads[i]!;
      const width = own.outputs;
      const value = (at: number): number => one(own.values, at, row);
      if (head.task === "regression") {
        put(all, head.columns[0]!.name, {
          value: value(row * width),
          spread: one(own.spread, row * width, row),
        });
        continue;
      }
      const probabilities: Named = {};
      for (const [at, name] of head.classes.entries()) {
        put(probabilities, name, value(row * width + at));
      }
      const label = head.classes[own.labels?.[row] ?? 0] ?? "";
      put(all, head.column, { label, probabilities, spread: one(own.spread, row, row) });
    }
    return { heads: all };
  };
  const answer = (row: number): RowAnswer => {
    const numbers = named(values, row);
    const { abstain } = asked;
    const abstained = abstain !== undefined && abstains(prediction, row, abstain);
    const said = abstain === undefined ? {} : { abstained };
    const own = asked.members
      ? members.map((each) => ({ member: each.member, numbers: named(each.values, row) }))
      : [];
    const { interval, set } = regionAt(row);
    if (target.task === "regression") {
      return {
        values: numbers,
        spread: named(spread, row),
        ...varianceOf(row),
        ...(interval === undefined ? {} : { interval }),
        ...said,
        ...(asked.members
          ? { members: own.map((each) => ({ member: each.member, values: each.numbers })) }
          : {}),
        ...headsOf(row),
      };
    }
    return {
      label: abstained ? null : (target.classes[labels?.[row] ?? 0] ?? ""),
      probabilities: numbers,
      spread: one(spread, row, row),
      ...(set === undefined ? {} : { set }),
      ...said,
      ...(asked.members
        ? { members: own.map((each) => ({ member: each.member, probabilities: each.numbers })) }
        : {}),
      ...headsOf(row),
    };
  };
  return Array.from({ length: count }, (_, i) => answer(from + i));
}

/** Sets a name that may be any text, `__proto__` too. */
function put<Value>(all: Record<string, Value>, name: string, value: Value): void {
  if (name !== "__proto__") all[name] = value;
  else Object.defineProperty(all, name, { value, enumerable: true });
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
