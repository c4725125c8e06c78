import type { AnalysisDocument, ScoredRows } from "@manyfold/protocol";
import { count, counted, number, percent, rowsOn } from "../format.ts";
import { html, type Html } from "../html.ts";
import { scoresOf, type Subject } from "../subject.ts";
import { analysisTiles, tilesOf, verdict } from "./headline.ts";

/** What is to be kept in mind of the rows. */
const warnings: { readonly [On in ScoredRows]: string | null } = {
  test: null,
  train:
    "These errors are measured on rows that members trained on. They come out lower than on new rows, and so does the gain from averaging.",
  validation:
    "These are validation rows. Where they chose a setting or stopped a training, errors come out lower than on new rows.",
  outOfBag: null,
  unknown:
    "Nothing is said of these rows. If members trained on them, or were chosen by them, errors come out lower than on new rows; --rows test, validation or out-of-bag says which they are.",
};

/** The head of a page about predictions from anywhere. */
export function analysisHeadline(document: AnalysisDocument, subject: Subject): Html {
  const { source, analysis, metrics, members, notes } = document;
  const [score] = scoresOf(subject);
  const value = score?.value(metrics) ?? null;
  const shown = analysisTiles(analysis, subject);
  if (score?.share && value !== null) {
    const note = `of the average, ${rowsOn(analysis.on, analysis.rows)}`;
    shown.push({ name: score.name, value: score.share ? percent(value) : number(value), note });
  }
  const named = members.some((name, at) => name !== `member_${analysis.members[at]?.member}`);
  const warning = warnings[analysis.on];
  const task = subject.classification
    ? html`the ${count(subject.classes.length)} classes of <b>${subject.target}</b>`
    : html`<b>${subject.target}</b>`;
  return html`<header>
    <p class="kind">Manyfold analysis</p>
    <h1>${source.name}</h1>
    <p>
      What ${counted(analysis.k, "member")}, trained elsewhere, say of ${task}, on
      ${rowsOn(analysis.on, analysis.rows)}, and what their equal-weight mean makes of it.
    </p>
    ${verdict(analysis, subject)} ${tilesOf(shown)}
    ${warning !== null && html`<p class="alert">${warning}</p>`}
    ${notes.map((note) => html`<p class="note">${note}</p>`)}
    ${
      named &&
      html`<p class="note">
        Members by number:
        ${members
          .slice(0, 200)
          .map(
            (name, at) =>
              html`${at > 0 && ", "}${count(analysis.members[at]?.member ?? at)} ${name}`,
          )}.
      </p>`
    }
  </header>`;
}
