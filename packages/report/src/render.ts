import type { ReportDocument } from "@manyfold/protocol";
import { html, trusted, type Html } from "./html.ts";
import { sections } from "./sections.ts";
import { headline } from "./sections/headline.ts";
import { css } from "./style.ts";
import { subjectOf } from "./subject.ts";

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
  const shown = sections.flatMap(({ id, title, content }) => {
    const body = content(document, subject);
    return body === null ? [] : [{ id, title: title(subject), body }];
  });
  const page: Html = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="generator" content="manyfold ${document.execution.manyfold}" />
        <title>${document.result.name}: Manyfold report</title>
        <style>
          ${trusted(css)}
        </style>
      </head>
      <body>
        <main>
          ${headline(document, subject)}
          <nav aria-label="Sections">
            <ul>
              ${shown.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}
            </ul>
          </nav>
          ${shown.map(
            ({ id, title, body }) =>
              html`<section id="${id}" aria-labelledby="${id}-title">
                <h2 id="${id}-title">${title}</h2>
                ${body}
              </section> `,
          )}
        </main>
        <footer>
          <p>Every number on this page, and more, is in <code>report.json</code> beside it.</p>
        </footer>
      </body>
    </html> `;
  return page.markup;
}
