import { ManyfoldError, type Observatory } from "@manyfold/protocol";
import { type Members, requireSameRows, type Truth } from "./members.ts";
import { type GaussianSpread, spreadOf } from "./metrics.ts";
import { classCalibration, gaussianCalibration } from "./observatory/calibration.ts";
import { diversityOf } from "./observatory/diversity.ts";
import { type Drawn, infinitesimalJackknife } from "./observatory/infinitesimal-jackknife.ts";
import {
  centredLaw,
  hardestRows,
  logLossOf,
  marginsOf,
  uncertaintyOf,
} from "./observatory/members.ts";
import { selectiveOf } from "./observatory/selective.ts";
import { zeroOneOf } from "./observatory/zero-one.ts";

/** What an observatory looks at besides members and truth. */
export interface Observed {
  /** The configured combiner's prediction `[rows, outputs]`. */
  readonly prediction: Float64Array;
  /** Required for regression. */
  readonly gaussian?: GaussianSpread | undefined;
  /** `[rows]`, as in the source. */
  readonly rowNumbers: ArrayLike<number>;
  /** Where members are bootstraps of the training rows: which. */
  readonly drawn?: Drawn | undefined;
}

/**
 * What complete rows say beyond the law: see {@link Observatory} for every figure.
 *
 * @param members each predicting every row
 *
 * @example
 * observe(members, truth, { prediction: combine(combiner, members), rowNumbers });
 */
export function observe(members: Members, truth: Truth, observed: Observed): Observatory {
  requireSameRows(members, truth);
  const { prediction, rowNumbers, drawn } = observed;
  const gaussian = truth.task === "regression" ? requireGaussian(observed.gaussian) : undefined;
  return {
    centred: centredLaw(members, truth),
    uncertainty: uncertaintyOf(members, gaussian),
    hardest: hardestRows(members, truth, prediction, rowNumbers),
    logLoss: logLossOf(members, truth),
    margins: marginsOf(truth, prediction),
    diversity: diversityOf(members, truth),
    zeroOne: zeroOneOf(members, truth),
    ...(drawn && { jackknife: infinitesimalJackknife(members, truth, drawn, rowNumbers) }),
    selective: selectiveOf(truth, prediction, gaussian?.spread ?? spreadOf(members)),
    calibration:
      truth.task === "classification"
        ? classCalibration(truth, prediction)
        : gaussianCalibration(truth, prediction, requireGaussian(gaussian)),
  };
}

function requireGaussian(gaussian: GaussianSpread | undefined): GaussianSpread {
  if (gaussian !== undefined) return gaussian;
  throw new ManyfoldError({
    code: "internal",
    path: "gaussian",
    condition: "given for a regression",
    got: "nothing",
  });
}
