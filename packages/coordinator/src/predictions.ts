import type { Members, Truth } from "@manyfold/ensemble";
import type { FittedTarget } from "@manyfold/protocol";

/** Every member's predictions of the analysed rows, as a table of texts: predictions.csv. */
export interface PredictionTable {
  readonly header: readonly string[];
  /** Lines, made as they are asked for. */
  readonly rows: () => Iterable<readonly string[]>;
}

/**
 * Row number, target, a column per member (and class or target column), the combined prediction.
 *
 * Columns are `row`, `target`, `member_3` and `combined` for one target column; with several,
 * `target.NAME`, `member_3.NAME` and `combined.NAME`; with classes, `member_3.CLASS` and
 * `combined.CLASS` hold probabilities. Numbers are printed so that they read back to the same bits.
 */
export function predictionTable(
  target: FittedTarget,
  rowNumbers: Uint32Array,
  truth: Truth,
  members: Members,
  combined: Float64Array,
): PredictionTable {
  const { outputs } = members;
  const suffixes =
    target.task === "classification"
      ? target.classes.map((name) => `.${name}`)
      : target.columns.length === 1
        ? [""]
        : target.columns.map(({ name }) => `.${name}`);
  const columns = (name: string) => suffixes.map((suffix) => `${name}${suffix}`);
  const targets = target.task === "classification" ? ["target"] : columns("target");
  return {
    header: [
      "row",
      ...targets,
      ...members.members.flatMap(({ member }) => columns(`member_${member}`)),
      ...columns("combined"),
    ],
    *rows() {
      for (let row = 0; row < truth.rows; row++) {
        const cells = (values: Float64Array) =>
          Array.from(values.subarray(row * outputs, (row + 1) * outputs), String);
        const actual =
          target.task === "classification" && truth.task === "classification"
            ? [target.classes[truth.labels[row] ?? 0] ?? ""]
            : truth.task === "regression"
              ? cells(truth.values)
              : [];
        yield [
          String(rowNumbers[row]),
          ...actual,
          ...members.members.flatMap(({ values }) => cells(values)),
          ...cells(combined),
        ];
      }
    },
  };
}
