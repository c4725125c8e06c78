import type { Cells } from "@manyfold/data";
import { fitLaw, lawError, membersEnough, type LawFit } from "@manyfold/ensemble";
import { ManyfoldError } from "@manyfold/protocol";
import { noColumn, numbers } from "./cell-columns.ts";

/** Columns of a table with a measured or published error curve. */
export interface CurveColumns {
  /** Numbers of members. */
  readonly k: string;
  readonly error: string;
}

/** The law as fitted to a curve, and what it says of other numbers of members. */
export interface CurveFit extends LawFit {
  readonly points: number;
  /** Error of one member by the fit: floor + slope. */
  readonly v: number;
  /** What members made on average and averaging gains in the end, as a share of v: 1 - c/v. */
  readonly gain: number;
  /** Largest distance of a point from the line. */
  readonly residual: number;
  readonly forecast: readonly { readonly k: number; readonly error: number }[];
  readonly enough: readonly { readonly tolerance: number; readonly members: number | null }[];
}

const TOLERANCES = [0.1, 0.05, 0.01] as const;

/**
 * Fits v/k + (k-1)/k c to a table with an error per number of members.
 *
 * @throws ManyfoldError where a column is missing or a cell is no number
 *
 * @example
 * fitCurve(await readCells("curve.csv"), { k: "k", error: "brier" }).floor;
 */
export function fitCurve(cells: Cells, columns: CurveColumns): CurveFit {
  const [k, error] = (["k", "error"] as const).map((option) => {
    const at = cells.header.indexOf(columns[option]);
    if (at < 0) throw noColumn(cells, `--${option}`, columns[option]);
    return [...numbers(cells, at)];
  }) as [number[], number[]];
  const bad = k.findIndex((members) => !Number.isInteger(members) || members < 1);
  if (bad >= 0) {
    throw new ManyfoldError({
      code: "input",
      path: `${cells.source}:${cells.lines[bad]} column ${columns.k}`,
      condition: "a whole number of members from 1",
      got: String(k[bad]),
    });
  }
  const fit = fitLaw(k, error);
  const { floor, slope } = fit;
  const v = floor + slope;
  const largest = k.reduce((most, members) => Math.max(most, members), 1);
  return {
    points: k.length,
    ...fit,
    v,
    gain: slope / v,
    residual: Math.max(
      ...k.map((members, at) => Math.abs(error[at]! - lawError(v, floor, members))),
    ),
    forecast: [2, 4, 10].map((times) => ({
      k: times * largest,
      error: lawError(v, floor, times * largest),
    })),
    enough: TOLERANCES.map((tolerance) => ({
      tolerance,
      members: membersEnough(v, floor, tolerance),
    })),
  };
}

/** The fit for people. */
export function curveText(fit: CurveFit, { k, error }: CurveColumns): string {
  const figure = (value: number) => String(Number(value.toPrecision(4)));
  const ends = fit.enough.flatMap(({ tolerance, members }) =>
    members === null ? [] : [`${members} within ${100 * tolerance} % of the floor`],
  );
  return [
    `${error} of ${fit.points} points = ${figure(fit.floor)} + ${figure(fit.slope)}/${k}   (R^2 ${fit.r2.toFixed(4)})`,
    `v, one member by the fit   ${figure(fit.v)}`,
    `c, the floor               ${figure(fit.floor)}`,
    `rho = c/v                  ${figure(fit.floor / fit.v)}`,
    `largest distance           ${figure(fit.residual)}`,
    ...fit.forecast.map((at) => `forecast for ${k} = ${at.k}`.padEnd(27) + figure(at.error)),
    `Averaging many such members takes away ${figure(100 * fit.gain)} % of one member's error${
      ends.length > 0 ? `; members enough: ${ends.join(", ")}.` : "."
    }`,
    fit.r2 < 0.98
      ? "The points do not follow the law closely: members may differ in kind, or few rows make the curve rough."
      : "",
  ]
    .filter((line) => line !== "")
    .join("\n");
}
