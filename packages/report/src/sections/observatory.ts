import type { ConformalScore, Diversity, Observatory } from "@manyfold/protocol";
import { pit, reliability } from "../figures/calibration.ts";
import { coverageCurve } from "../figures/coverage.ts";
import { marginHistogram } from "../figures/margins.ts";
import { riskCoverage } from "../figures/risk.ts";
import { count, number, percent } from "../format.ts";
import { html, type Html } from "../html.ts";
import type { Subject } from "../subject.ts";
import { table } from "../table.ts";

interface Line {
  readonly name: string;
  readonly help: string;
  readonly value: number | null;
}

function quantities(caption: string, rows: readonly Line[]): Html {
  return table({
    caption,
    columns: [
      {
        title: "quantity",
        names: true,
        cell: ({ name, help }) => html`<b>${name}</b> <span class="meaning">${help}</span>`,
      },
      {
        title: "value",
        align: "right",
        cell: ({ value }) => (value === null ? "not defined" : number(value)),
      },
    ],
    rows,
  });
}

/** Bias, variance and covariance over rows, and how unsure the members are. */
export function parts(seen: Observatory, subject: Subject): Html | null {
  const { centred, uncertainty } = seen;
  if (!subject.ensemble || centred.covariance === null) return null;
  const unit = subject.classification ? "nats" : "squared target units";
  const told = uncertainty.total > 0 ? uncertainty.epistemic / uncertainty.total : 0;
  return html`${quantities(
      "The ensemble's error: bias\u00b2 + variance / k + (1 \u2212 1/k) \u00b7 covariance",
      [
        {
          name: "bias\u00b2",
          help: "of the members' mean error over all rows",
          value: centred.bias2,
        },
        {
          name: "variance",
          help: "of a member's error over rows, mean of the members",
          value: centred.variance,
        },
        {
          name: "covariance",
          help: "of two members' errors over rows, mean of the pairs",
          value: centred.covariance,
        },
        { name: "error", help: "their sum as above", value: centred.error },
      ],
    )}
    <p>
      With each member's mean error taken off, what members share is covariance and not a bias that
      looks like it. Of the ${number(uncertainty.total)} ${unit} of predicted uncertainty,
      ${number(uncertainty.epistemic)} (${percent(told, 0)}) is disagreement of the members; the
      rest the members themselves take for noise.
    </p>`;
}

const pairwise: { readonly [N in keyof Diversity["pairwise"]]: readonly [string, string] } = {
  q: ["Q", "1 where members are right on the same rows, 0 where independently"],
  phi: ["correlation", "of two members' being right"],
  disagreement: ["disagreement", "share of rows that one of two has right and the other wrong"],
  doubleFault: ["double fault", "share of rows that two members have both wrong"],
  kappa: ["kappa of pairs", "agreement on being right beyond chance"],
};

const group: { readonly [N in keyof Diversity["group"]]: readonly [string, string] } = {
  kwVariance: ["Kohavi-Wolpert variance", "(k \u2212 1)/(2k) times the disagreement"],
  interRaterKappa: ["inter-rater kappa", "the same for all members at once"],
  entropy: ["entropy", "0 where all agree, 1 where every row halves the members"],
  difficulty: ["difficulty", "variance over rows of the share of members that are right"],
  generalisedDiversity: ["generalised diversity", "1 where a failure is never shared, 0 if always"],
  coincidentFailure: ["coincident failure", "1 where failures are of one member at a time"],
};

/** A member's share of wrong answers by where it comes from. */
function zeroOne({ zeroOne: found }: Observatory): Html | null {
  if (!found) return null;
  const { memberError, bias, unbiasedVariance, biasedVariance } = found;
  const lines = [
    { name: "bias", help: "rows that most members have wrong in the same way", value: bias },
    {
      name: "variance that costs",
      help: "answers off the majority where the majority is right",
      value: unbiasedVariance,
    },
    {
      name: "variance that helps",
      help: "right answers where the majority is wrong",
      value: biasedVariance,
    },
    {
      name: "a member's error",
      help: "bias + variance that costs \u2212 variance that helps",
      value: memberError,
    },
  ];
  return html`${quantities("Share of wrong answers of a member alone, parted (Domingos 2000)", lines)}
    <p>
      A member errs on ${percent(memberError)} of the rows. A vote of many such members would err on
      ${percent(bias)}: it takes away what departs from the majority, ${percent(unbiasedVariance)}
      to the worse and ${percent(biasedVariance)} to the better.
    </p>`;
}

/** What is gained by leaving the least sure rows unanswered. */
export function selective({ selective: found }: Observatory, subject: Subject): Html | null {
  if (!found) return null;
  const { by, risk, points } = found;
  const shares = [1, 0.99, 0.95, 0.9, 0.8, 0.7, 0.5];
  const rows = shares.flatMap(
    (share) => points.find((point) => point.share >= share - 1e-12) ?? [],
  );
  const told = (value: number) => (subject.classification ? percent(value) : number(value));
  const error = subject.classification ? "of these wrong" : "mean squared error of these";
  const limit = by === "probability" ? "probability at least" : "spread at most";
  const unsure =
    by === "probability" ? "the most probable class is least so" : "members differ most";
  const ninety = points.find(({ share }) => share >= 0.9);
  return html`${riskCoverage(found, subject)}
  ${table({
    caption: "Abstention: the rows answered at a threshold, and the error among them",
    columns: [
      { title: "rows answered", names: true, cell: ({ share }) => percent(share) },
      {
        title: `--abstain: ${limit}`,
        align: "right",
        cell: ({ threshold }) => number(threshold, 4),
      },
      { title: error, align: "right", cell: (row) => told(row.risk) },
    ],
    rows: rows.filter((row, at) => rows.indexOf(row) === at),
  })}
  ${
    ninety !== undefined &&
    ninety.share < 1 &&
    html`<p>
      Leaving the ${percent(1 - ninety.share)} of rows unanswered where ${unsure} brings the error
      from ${told(risk)} to ${told(ninety.risk)}:
      <code>manyfold predict ARTIFACT DATA.csv --abstain ${number(ninety.threshold, 4)}</code>, and
      the same for <code>serve</code>. A threshold that was chosen on these rows flatters a little
      on them.
    </p>`
  }`;
}

/** How members' right and wrong answers go together. */
export function diversity(seen: Observatory): Html | null {
  const { diversity: found } = seen;
  if (found === null) return null;
  const lines = (
    names: Readonly<Record<string, readonly [string, string]>>,
    values: Readonly<Record<string, number | null>>,
  ) =>
    Object.entries(names).map(([key, [name, help]]) => ({
      name,
      help,
      value: values[key] ?? null,
    }));
  return html`${quantities("Diversity: means over pairs, then of all members at once", [
      ...lines(pairwise, found.pairwise),
      ...lines(group, found.group),
    ])}
    <p>
      Two random members differ in being right on ${percent(found.pairwise.disagreement)} of the
      rows and are both wrong on ${percent(found.pairwise.doubleFault)}: the second share is what no
      vote of two can repair.
    </p>
    ${zeroOne(seen)}`;
}

/** Margins, and what averaging gains in log loss. */
export function margins({ margins: bins, logLoss }: Observatory, subject: Subject): Html | null {
  if (bins === null || logLoss === null) return null;
  return html`${marginHistogram(bins)}
  ${
    subject.ensemble &&
    html`<p>
      Averaging probabilities brings the log loss from ${number(logLoss.members)}, the mean of a
      member alone, to ${number(logLoss.mean)} nats; averaging their logarithms (geometric mean)
      would bring it to ${number(logLoss.geometric)}.
    </p>`
  }`;
}

/** Whether the predicted probabilities, or widths, are right. */
export function calibration({ calibration: found }: Observatory, subject: Subject): Html {
  return "ece" in found ? reliability(found) : pit(found, subject.target);
}

type Made = NonNullable<ConformalScore["score"]> | "jackknife+ab";

const made: { readonly [M in Made]: string } = {
  absolute: "one width for all rows",
  normalised: "widths in proportion to the predicted deviation",
  quantile: "around quantiles of the members",
  threshold: "classes above one probability",
  adaptive: "the most probable classes up to one total",
  "jackknife+ab": "jackknife+-after-bootstrap, which needs every training row",
};

function madeFrom({ method, score }: ConformalScore): string {
  return made[method === "jackknife+ab" ? method : (score ?? "absolute")];
}

/** How often intervals or sets held the truth. */
export function conformal(seen: Observatory, subject: Subject): Html | null {
  const { conformal: found, conformalCurve: curve } = seen;
  if (found === undefined) return null;
  const [split] = found;
  if (split === undefined) {
    return html`<p class="alert">
      There were too few out-of-bag rows for the coverage asked for (ensemble.conformal).
    </p>`;
  }
  const [one, size] = subject.classification
    ? ["sets", "classes in a set, on average"]
    : ["intervals", "mean width, target units"];
  return html`${table({
      caption: `Conformal ${one}: ${percent(split.coverage)} asked for`,
      columns: [
        {
          title: "made from",
          names: true,
          cell: (row) =>
            html`${madeFrom(row)} ${row === split && html`<i class="tag">the artifact's</i>`}`,
        },
        {
          title: "hold the truth",
          align: "right",
          cell: ({ achieved }) => percent(achieved),
        },
        { title: size, align: "right", cell: (row) => number(row.size) },
        { title: "out-of-bag rows", align: "right", cell: ({ from }) => count(from) },
        { title: "tried on", align: "right", cell: ({ on }) => count(on) },
      ],
      rows: found,
    })}
    <p>
      Of ${count(split.on)} test ${subject.classification ? "rows" : "values"}
      ${percent(split.achieved)} lie in their ${one}; by chance alone that share strays by some
      ${percent(Math.sqrt((split.coverage * (1 - split.coverage)) / split.on))}. The promise is for
      rows like these on average, not for each kind of row.
    </p>
    ${curve !== undefined && curve.length > 1 && coverageCurve(curve, size)}
    ${
      curve !== undefined &&
      curve.length > 1 &&
      html`<p>
        The artifact keeps its scores, so that any of these can be asked for:
        <code>manyfold predict ARTIFACT DATA.csv --coverage 0.8</code>, or <code>coverage</code> in
        a request to <code>manyfold serve</code>.
      </p>`
    }`;
}

/** The rows of the largest error. */
export function hardest({ hardest: rows }: Observatory, subject: Subject): Html | null {
  const [worst] = rows;
  if (worst === undefined) return null;
  return html`${table({
      caption: `The rows with the largest error, by their number in the source (${subject.error})`,
      columns: [
        { title: "row", names: true, cell: ({ row }) => count(row) },
        { title: "error", align: "right", cell: ({ error }) => number(error) },
        {
          title: "mean error of a member",
          align: "right",
          cell: ({ memberError }) => number(memberError),
        },
      ],
      rows,
    })}
    <p>
      Where both columns are large and close to each other the members are wrong together: look at
      row ${count(worst.row)} for a wrong label or a case that the training rows do not have.
    </p>`;
}
