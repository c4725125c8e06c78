import type { AnalysisDocument, ReportDocument } from "@manyfold/protocol";
import { html, trusted, type Html } from "./html.ts";
import { type Section, scoredSections, sections } from "./sections.ts";
import { analysisHeadline } from "./sections/analysis.ts";
import { headline } from "./sections/headline.ts";
import { css } from "./style.ts";
import { type Subject, subjectOf, subjectOfAnalysis } from "./subject.ts";

/** What a browser may load for this page: its own style sheet and nothing else. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/**
 * `report.html`: one file that needs no network and no script, for screen (light and dark, down to
 * 320 pixels) and print. Equal documents give equal bytes.
 *
 * @example
 * await writeFile("report.html", renderReport(document));
 */
export function renderReport(document: ReportDocument): string {
  const subject = subjectOf(document);
  return page({
    title: document.result.name,
    kind: "report",
    generator: document.execution.manyfold,
    json: "report.json",
    head: headline(document, subject),
    parts: partsOf(sections, document, subject),
  });
}

/**
 * The same page for predictions of members that were trained anywhere: `manyfold analyze --out`.
 *
 * @param manyfold version, for the page's source
 */
export function renderAnalysis(document: AnalysisDocument, manyfold: string): string {
  const subject = subjectOfAnalysis(document);
  const { metrics: _, ...rest } = document;
  const result = { ...rest, metrics: { test: null, oob: null }, members: [] };
  return page({
    title: document.source.name,
    kind: "analysis",
    generator: manyfold,
    json: "analysis.json",
    head: analysisHeadline(document, subject),
    parts: partsOf(scoredSections, { result }, subject),
  });
}

/** A part of a page that has something in it. */
interface Part {
  readonly id: string;
  readonly title: string;
  readonly body: Html;
}

function partsOf<Of>(all: readonly Section<Of>[], document: Of, subject: Subject): Part[] {
  return all.flatMap(({ id, title, content }) => {
    const body = content(document, subject);
    return body === null ? [] : [{ id, title: title(subject), body }];
  });
}

interface Page {
  readonly title: string;
  readonly kind: string;
  readonly generator: string;
  readonly json: string;
  readonly head: Html;
  readonly parts: readonly Part[];
}

function page({ title, kind, generator, json, head, parts }: Page): string {
  const whole: Html = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="generator" content="manyfold ${generator}" />
        <title>${title}: Manyfold ${kind}</title>
        <style>
          ${trusted(css)}
        </style>
      </head>
      <body>
        <main>
          ${head}
          <nav aria-label="Sections">
            <ul>
              ${parts.map((part) => html`<li><a href="#${part.id}">${part.title}</a></li>`)}
            </ul>
          </nav>
          ${parts.map(
            (part) =>
              html`<section id="${part.id}" aria-labelledby="${part.id}-title">
                <h2 id="${part.id}-title">${part.title}</h2>
                ${part.body}
              </section> `,
          )}
        </main>
        <footer>
          <p>Every number on this page, and more, is in <code>${json}</code> beside it.</p>
        </footer>
      </body>
    </html> `;
  return whole.markup;
}
