import type { ErrorAnalysis, MemberRow, ReportDocument } from "@manyfold/protocol";
import { tagOf } from "@manyfold/protocol";
import { count, counted, duration, listed, moment, number, percent, rowsOn } from "../format.ts";
import { html, type Content, type Html } from "../html.ts";
import { scoresOf, type Subject } from "../subject.ts";

/** What was done, in one paragraph. */
function done({ result }: ReportDocument, subject: Subject): Html {
  const { rows, source } = result.data;
  const task = subject.classification
    ? html`tell the ${count(subject.classes.length)} classes of <b>${subject.target}</b> apart`
    : html`predict <b>${subject.target}</b>`;
  const tried = result.search?.trials.length ?? 0;
  const made =
    tried > 0
      ? `After a search over ${counted(tried, "setting")} on the training rows, ${subject.made}`
      : capital(subject.made);
  const scored = result.metrics.test !== null && " and scored once";
  const test = rows.test > 0 && [`; ${counted(rows.test, "row")} were held out`, scored];
  const spec = result.experiment.ensemble?.calibrate;
  const calibrated = spec ? `, then calibrated (${tagOf(spec)}) on out-of-bag rows` : "";
  const combined =
    subject.ensemble && ` Their predictions are combined by ${subject.combiner}${calibrated}.`;
  return html`<p>
    ${made} was trained to ${task}${subject.difference !== null && `, ${subject.difference}`}. The
    data: ${counted(rows.train, "training row")} of ${source.name}${test}.${combined}
  </p>`;
}

/** How many members there are of those that were asked for, and what became of the others. */
function outcome({ result }: ReportDocument, subject: Subject): Html {
  const { asked, failed } = subject;
  const networks = result.members.length;
  const complete = networks - failed.length;
  if (networks === 0) return html`<p class="alert">No network was trained.</p>`;
  const unit = subject.networkIsMember
    ? subject.ensemble
      ? "member"
      : "network"
    : "dropout network";
  const wanted = subject.networkIsMember ? asked : Math.max(networks, complete);
  const waiting = wanted - complete - failed.length;
  const all = html`<p>
    <b>${count(complete)} of ${counted(wanted, unit)}</b>
    completed${waiting > 0 && `, ${count(waiting)} not trained yet`}.
  </p>`;
  if (failed.length === 0) return all;
  const names = subject.networkIsMember ? unit : "network";
  const lines = [...failuresOf(failed)].map(
    ([what, numbers]) =>
      html`<li>
        ${numbers.length === 1 ? capital(names) : `${capital(names)}s`}
        ${listed(numbers.slice(0, 30).map(count))}${numbers.length > 30 && ` (and ${count(numbers.length - 30)} more)`}
        failed: ${what}
      </li>`,
  );
  return html`${all}
    <ul class="alert">
      ${lines.slice(0, 10)}${lines.length > 10 && html`<li>and more, in the table of members.</li>`}
    </ul>`;
}

const capital = (text: string) => text.replace(/^./, (first) => first.toUpperCase());

/** Failures by what happened, each with the numbers of those it happened to. */
function failuresOf(failed: readonly MemberRow[]): Map<string, number[]> {
  const byText = new Map<string, number[]>();
  for (const { member, failure } of failed) {
    const epoch = failure?.epoch === undefined ? "" : ` in epoch ${count(failure.epoch)}`;
    const layer = failure?.layer === undefined ? "" : `, first in layer ${failure.layer}`;
    const text = `${failure?.code ?? "unknown"}${epoch}${layer}. ${failure?.message ?? ""}`;
    byText.set(text, [...(byText.get(text) ?? []), member]);
  }
  return byText;
}

export interface Tile {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly main?: true;
}

/** An error in the unit people read: the Brier score as it is, a squared error as its root. */
function readable(error: number, subject: Subject): string {
  return number(subject.classification ? error : Math.sqrt(error));
}

export function analysisTiles(analysis: ErrorAnalysis, subject: Subject): Tile[] {
  const name = subject.classification ? "Brier score" : "RMSE";
  const best = analysis.members[analysis.best];
  if (analysis.k < 2 || best === undefined) {
    return [
      {
        name: `${name} of the network`,
        value: readable(analysis.ensembleError, subject),
        note: "lower is better",
        main: true,
      },
    ];
  }
  const share = (other: number) => {
    const [mine, its] = subject.classification
      ? [analysis.ensembleError, other]
      : [Math.sqrt(analysis.ensembleError), Math.sqrt(other)];
    if (its === 0) return "no error at all";
    const less = 1 - mine / its;
    if (less < -1) return `the ensemble has ${number(mine / its)} times as much`;
    return less >= 0
      ? `the ensemble has ${percent(less)} less`
      : `the ensemble has ${percent(-less)} more`;
  };
  return [
    {
      name: `${name} of the ensemble`,
      value: readable(analysis.ensembleError, subject),
      note: `mean of ${counted(analysis.k, "member")}; lower is better`,
      main: true,
    },
    { name: "mean member", value: readable(analysis.v, subject), note: share(analysis.v) },
    { name: "best member", value: readable(best.error, subject), note: share(best.error) },
  ];
}

/** The figures that people look for first. */
function tiles({ result }: ReportDocument, subject: Subject): Html | null {
  const { analysis, metrics, oob } = result;
  const [score] = scoresOf(subject);
  const shown: Tile[] = analysis ? analysisTiles(analysis, subject) : [];
  const print = (value: number) => (score?.share ? percent(value) : number(value));
  const test = metrics.test && score?.value(metrics.test);
  if (score && typeof test === "number") {
    const of = subject.ensemble ? `combined by ${subject.combiner}, ` : "";
    shown.push({
      name: `${score.name} on test rows`,
      value: print(test),
      note: `${of}${counted(result.data.rows.test, "row")}`,
    });
  }
  const { confusion } = result;
  if (score && test === null && confusion !== null) {
    // Without test rows no combined score comes with the document, but the counts do.
    const rows = confusion.flat().reduce((sum, each) => sum + each, 0);
    const right = confusion.reduce((sum, row, index) => sum + (row[index] ?? 0), 0);
    const note = `combined by ${subject.combiner}: ${count(right)} of ${counted(rows, "row")} right`;
    shown.push({ name: "accuracy on training rows", value: percent(right / rows), note });
  }
  const outOfBag = metrics.oob && score?.value(metrics.oob);
  if (score && typeof outOfBag === "number") {
    const note = oob?.biased
      ? "biased: these rows took part in a decision"
      : "each training row by members that did not see it";
    shown.push({ name: `${score.name} out of bag`, value: print(outOfBag), note });
  }
  return shown.length === 0 ? null : tilesOf(shown);
}

/** Figures side by side. */
export function tilesOf(shown: readonly Tile[]): Html {
  return html`<div class="tiles">
    ${shown.map(
      (tile) =>
        html`<div class="tile${tile.main === true && " main"}">
          <span>${tile.name}</span><b>${tile.value}</b><small>${tile.note}</small>
        </div>`,
    )}
  </div>`;
}

/** Where the average stands among its parts; differences of rounding count for nothing. */
function rank({ ensembleError, v }: ErrorAnalysis, best: number): Content {
  if (ensembleError >= v * (1 - 1e-9)) return "is as good as its parts, which all err alike,";
  return ensembleError < best
    ? html`beats <b>every</b> one of its parts`
    : "beats its typical part, but not its best,";
}

/** The result in one sentence: ensemble against mean and best member. */
export function verdict(analysis: ErrorAnalysis, subject: Subject): Html | null {
  const best = analysis.members[analysis.best];
  if (analysis.k < 2 || best === undefined) return null;
  const [mine, name] = subject.classification
    ? ["Brier score", "Brier score"]
    : ["root mean squared error", "RMSE"];
  return html`<p class="verdict">
    Averaging ${counted(analysis.k, "member")} gives a ${mine} of
    <b>${readable(analysis.ensembleError, subject)}</b>, where the mean member has
    ${readable(analysis.v, subject)} and the best, member ${count(best.member)},
    ${readable(best.error, subject)}: the average ${rank(analysis, best.error)} in ${name} on
    ${rowsOn(analysis.on, analysis.rows)}.
  </p>`;
}

/** The head of the page: what was done, how it went, the result in one sentence and a few figures. */
export function headline(document: ReportDocument, subject: Subject): Html {
  const { result, execution } = document;
  const { analysis, metrics } = result;
  const nothing = analysis === null && metrics.test === null;
  const allowed = result.experiment.ensemble?.allowFailed ?? 0;
  const none = html`<p class="alert">
    <b>There is no result.</b> ${
      subject.failed.length > 0
        ? html`${counted(subject.failed.length, "network")} of ${count(result.members.length)}
          failed${subject.ensemble && `, more than the ${percent(allowed, 0)} of the members that may (ensemble.allowFailed)`}.
          What follows is what there is.`
        : "The run has not ended, or nothing was trained."
    }
  </p>`;
  const onTraining = html`<p class="alert">
    <b>These errors are measured on the training rows.</b> The configuration holds out no test rows
    (<code>data.split</code>), so the members have seen most of the rows they are scored on. Errors
    come out lower than on new rows, and so does the gain from
    averaging.${result.oob?.biased === false && " The out-of-bag score is the fair estimate."}
  </p>`;
  const reasons = listed(execution.reasons.map((reason) => reason.replace(/\.$/, "")));
  return html`<header>
    <p class="kind">Manyfold report</p>
    <h1>${result.name}</h1>
    ${done(document, subject)} ${outcome(document, subject)} ${nothing && none}
    ${analysis && verdict(analysis, subject)} ${tiles(document, subject)}
    ${!nothing && metrics.test === null && onTraining}
    ${!execution.reproducible && html`<p class="alert"><b>Not reproducible to the bit</b>${reasons !== "" && html`: ${reasons}`}.</p>`}
    <p class="byline">
      ${moment(execution.finished)}, ${duration(execution.seconds.total)}, run ${execution.runId}
    </p>
  </header>`;
}
