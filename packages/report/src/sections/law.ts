import type { ErrorAnalysis, Interval } from "@manyfold/protocol";
import { errorCurve } from "../figures/curve.ts";
import { ambiguityBars } from "../figures/ambiguity.ts";
import { count, number, percent, plain, range, rowsOn } from "../format.ts";
import { html, type Content, type Html } from "../html.ts";
import type { Subject } from "../subject.ts";
import { type Column, table } from "../table.ts";

/** `a/b` as MathML. */
const over = (above: string, below: string) =>
  html`<mfrac><mrow>${{ markup: above }}</mrow><mrow>${{ markup: below }}</mrow></mfrac>`;

interface Quantity {
  readonly symbol: Content;
  readonly meaning: Content;
  readonly value: string;
  readonly interval: Interval | null;
  /** Of the mean over members like these. */
  readonly others?: Interval | null | undefined;
}

function quantities(analysis: ErrorAnalysis): Quantity[] {
  const {
    v,
    c,
    rho,
    ensembleError,
    intervals,
    ambiguity,
    newMembers: others,
    remaining,
  } = analysis;
  if (c === null) {
    const meaning = "error of the network, measured";
    const value = number(ensembleError);
    return [{ symbol: html`<var>E</var>`, meaning, value, interval: intervals.ensembleError }];
  }
  const rows: (Quantity | null)[] = [
    {
      symbol: html`<var>v</var>`,
      meaning: "error of a mean member: each member alone, then the mean",
      value: number(v),
      interval: intervals.v,
      others: others?.v,
    },
    {
      symbol: html`<var>c</var>`,
      meaning: "mean product of two different members' errors: what they get wrong together",
      value: number(c),
      interval: intervals.c,
      others: others?.c,
    },
    rho === null
      ? null
      : {
          symbol: html`<var>ρ</var> = <var>c</var>/<var>v</var>`,
          meaning: "share of a member's error that averaging cannot remove",
          value: number(rho),
          interval: intervals.rho,
          others: others?.rho,
        },
    {
      symbol: html`<var>E</var>`,
      meaning: "error of the averaged prediction, measured",
      value: number(ensembleError),
      interval: intervals.ensembleError,
      others: others?.ensembleError,
    },
    {
      symbol: html`<var>v</var> − <var>E</var>`,
      meaning: "what averaging gained",
      value: number(ambiguity.ambiguity),
      interval: intervals.gain,
      others: others?.gain,
    },
    remaining === undefined || remaining === null
      ? null
      : {
          symbol: html`(<var>v</var> − <var>c</var>)/<var>k</var>`,
          meaning: "what more and more members like these would still gain",
          value: number(remaining),
          interval: intervals.remaining ?? null,
          others: others?.remaining,
        },
  ];
  return rows.flatMap((row) => row ?? []);
}

function otherMembers(level: string): Column<Quantity> {
  return {
    title: `members like these on new rows (${level})`,
    align: "right",
    cell: ({ others }) => (others ? range(others) : null),
  };
}

function formula({ k, v, c, predictedError, ensembleError, identityGap }: ErrorAnalysis): Html {
  if (c === null) {
    return html`<p>
      One member alone: there are no pairs, and <var>E</var> = <var>v</var> =
      ${number(ensembleError, 4)}.
    </p>`;
  }
  const K = count(k);
  const text = (value: number) => html`<mn>${number(value, 4)}</mn>`;
  const less = html`<mrow><mi>k</mi><mo>−</mo><mn>1</mn></mrow>`;
  const gap = html`measured ${number(ensembleError, 6)}, by the law ${number(predictedError, 6)},
  difference ${number(identityGap, 2)}`;
  return html`<div class="law">
      <math display="block"
        ><mrow
          ><mi>E</mi
          ><mo>=</mo
          >${over("<mi>v</mi>", "<mi>k</mi>")}<mo>+</mo>${over(less.markup, "<mi>k</mi>")}<mo>·</mo
          ><mi>c</mi></mrow
        ></math
      >
      <math display="block"
        ><mrow
          ><mi></mi
          ><mo>=</mo
          >${over(text(v).markup, `<mn>${K}</mn>`)}<mo>+</mo>${over(`<mn>${count(k - 1)}</mn>`, `<mn>${K}</mn>`)}<mo>·</mo>${text(c)}</mrow
        ></math
      >
      <math display="block"
        ><mrow
          ><mi></mi
          ><mo>=</mo
          >${text(v / k)}<mo>+</mo>${text((c * (k - 1)) / k)}<mo>=</mo>${text(predictedError)}</mrow
        ></math
      >
    </div>
    <p>
      The averaged prediction itself has this error: ${gap}, which is rounding alone. On the rows at
      hand the law is an identity (Goodfellow, Bengio and Courville, <cite>Deep Learning</cite>, eq.
      7.51); as a forecast for other <var>k</var> it holds on average.
    </p>`;
}

/** Why the average beats its parts: the law with this run's numbers, the sentences, the quantities. */
export function law(analysis: ErrorAnalysis, subject: Subject): Html {
  const level = percent(analysis.intervals.v.level, 0);
  const intro = html`<p>
    Members that err differently cancel part of each other's error. What is left of the error of an
    average of <var>k</var> members:
  </p>`;
  return html`${analysis.k > 1 && intro}${formula(analysis)}
  ${table({
    caption: `The quantities, in units of ${analysis.unit}, on ${rowsOn(analysis.on, analysis.rows)}`,
    columns: [
      {
        title: "quantity",
        names: true,
        cell: ({ symbol, meaning }) =>
          html`<b>${symbol}</b> <span class="meaning">${meaning}</span>`,
      },
      { title: "value", align: "right", cell: ({ value }) => value },
      {
        title: `these members on new rows (${level})`,
        align: "right",
        cell: ({ interval }) => interval && range(interval),
      },
      ...(analysis.newMembers ? [otherMembers(level)] : []),
    ],
    rows: quantities(analysis),
  })}
  ${
    !!analysis.newMembers &&
    html`<p class="note">
      The first interval keeps these members and asks what the quantity is on all rows of this kind.
      The second asks for its mean over all members that could be made this way from the same
      training rows, on such rows: it is what to compare with another run.
    </p>`
  }
  ${
    analysis.sentences.length > 0 &&
    html`<ul class="sentences">
      ${analysis.sentences.map((sentence) => html`<li>${sentence}</li>`)}
    </ul>`
  }
  ${ambiguityBars(analysis, subject.errorAxis)}`;
}

/** The error over the number of members, and how many would be enough. */
export function curve(analysis: ErrorAnalysis, subject: Subject): Html | null {
  const picture = errorCurve(analysis, subject.errorAxis);
  if (picture === null) return null;
  const each = subject.memberSeconds;
  const enough =
    analysis.enough.length > 0 &&
    table({
      caption: "Members that would be enough, by the law",
      columns: [
        {
          title: "above the floor by at most",
          names: true,
          cell: ({ tolerance }) => `${plain(100 * tolerance)}\u00a0%`,
        },
        {
          title: "members",
          align: "right",
          cell: ({ members }) => (members === null ? "not in reach" : count(members)),
        },
        {
          title: "interval",
          align: "right",
          cell: ({ interval }) =>
            interval &&
            `${count(Math.ceil(interval.low))} to ${count(Math.ceil(interval.high))} (${percent(interval.level, 0)})`,
        },
        ...(each === null
          ? []
          : [
              {
                title: "core-seconds",
                align: "right" as const,
                cell: ({ members }: ErrorAnalysis["enough"][number]) =>
                  members === null ? "" : number(members * each),
              },
            ]),
      ],
      rows: analysis.enough,
    });
  return html`${picture}${enough}`;
}
