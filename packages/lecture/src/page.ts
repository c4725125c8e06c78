import { css, html, type Html, seriesFigure, trusted } from "@manyfold/report/page";
import { triedWith } from "./configs.ts";
import type { Result } from "./gallery.ts";
import type { Check, Plot } from "./row.ts";
import { type Language, say, type Text } from "./text.ts";

const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const WORDS = {
  title: say("The lecture, measured", "讲义逐条实测"),
  holds: say("holds", "成立"),
  fails: say("fails", "不成立"),
  expected: say("Expected", "预期"),
  what: say("Measured", "测量"),
  measured: say("found", "测得"),
  wanted: say("must be", "应为"),
  of: say("of", "/"),
  rows: say("rows hold", "条成立"),
  source: say("Source", "出处"),
  config: say("A configuration to try it with", "可试用的配置"),
  none: say("No configuration", "无配置"),
} as const;

const CHAPTERS: { readonly [letter: string]: Text } = {
  A: say("Limits of the perceptron, XOR", "感知机的局限与 XOR"),
  B: say("The multilayer perceptron and BP by sensitivities", "多层感知机与敏感度反向传播"),
  C: say("Computational graphs", "计算图"),
  D: say("Objective, outputs, hidden units, architecture", "目标函数、输出单元、隐藏单元与结构"),
  E: say("Regularisation", "正则化"),
  F: say("Optimisation", "优化"),
};

/** What the page needs besides the report's style. */
const ownCss = `
.row { border-top: 1px solid var(--rule); padding: 14px 0 4px; margin: 0; }
.row h3 { margin: 0 0 6px; }
.formula { font-family: "STIX Two Math", "Cambria Math", "DejaVu Serif", serif; background: var(--panel); border: 1px solid var(--rule); border-radius: 6px; padding: 6px 12px; overflow-x: auto; }
.row .tag { color: var(--floor); font-weight: 600; }
.row .tag.no { color: var(--law); }
.row td.value { font-family: ui-monospace, Menlo, Consolas, "Liberation Mono", monospace; overflow-wrap: anywhere; }
.row figure { margin: 10px 0 14px; }
`;

/** A page of its own from a title and what is on it: one file, no network, no script. */
export function pageOf(title: string, language: Language, body: Html, more = ""): string {
  return html`<!doctype html>
    <html lang="${language === "zh" ? "zh-Hans" : "en"}">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <style>
          ${trusted(css + more)}
        </style>
      </head>
      <body>
        <main>
          <header>
            <p class="kind">Manyfold</p>
            <h1>${title}</h1>
          </header>
          ${body}
        </main>
        <footer></footer>
      </body>
    </html> `.markup;
}

/** The gallery's page: every row with its formula, expectation, measurements and pictures. */
export function renderGallery(results: readonly Result[], language: Language): string {
  const t = (text: Text): string => text[language];
  const holding = results.filter(({ verdict }) => verdict === "holds").length;
  const letters = [...new Set(results.map(({ row }) => row.id.charAt(0)))];
  const body = html`<p class="verdict">
      ${String(holding)} ${t(WORDS.of)} ${String(results.length)} ${t(WORDS.rows)}
    </p>
    <nav>
      <ul>
        ${letters.map((letter) => html`<li><a href="#${letter}">${letter} ${t(chapter(letter))}</a></li>`)}
      </ul>
    </nav>
    ${letters.map(
      (letter) =>
        html`<section id="${letter}">
          <h2>${letter} · ${t(chapter(letter))}</h2>
          ${results
            .filter(({ row }) => row.id.startsWith(letter))
            .map((result) => rowOf(result, language))}
        </section>`,
    )}`;
  return pageOf(t(WORDS.title), language, body, ownCss);
}

function chapter(letter: string): Text {
  return CHAPTERS[letter] ?? say(letter);
}

function rowOf({ row, finding, verdict }: Result, language: Language): Html {
  const t = (text: Text): string => text[language];
  const holds = verdict === "holds";
  return html`<article class="row" id="${row.id}">
    <h3>
      ${row.id} · ${t(row.title)}
      <em class="tag ${holds ? "" : "no"}">${holds ? "✓" : "✗"} ${t(WORDS[verdict])}</em>
    </h3>
    <p class="formula">${row.formula}</p>
    <p><b>${t(WORDS.expected)}.</b> ${t(row.expected)} <small>${row.source}</small></p>
    <p><small>${tried(row.id, language)}</small></p>
    ${checkTable(finding.checks, language)}
    <div class="panels">${(finding.plots ?? []).map((plot) => pictureOf(plot, language))}</div>
  </article>`;
}

/** Where to go on from a row. */
function tried(id: string, language: Language): string {
  const found = triedWith(id);
  if (found === undefined) return "";
  return "config" in found
    ? `${WORDS.config[language]}: configs/${found.config}`
    : `${WORDS.none[language]}: ${found.without[language]}`;
}

function checkTable(checks: readonly Check[], language: Language): Html {
  const t = (text: Text): string => text[language];
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th>${t(WORDS.what)}</th>
          <th>${t(WORDS.measured)}</th>
          <th>${t(WORDS.wanted)}</th>
          <th></th>
        </tr>
      </thead>
      <tbody>
        ${checks.map(
          ({ what, measured, wanted, holds }) =>
            html`<tr>
              <th scope="row">${t(what)}</th>
              <td class="value">${measured}</td>
              <td class="value">${wanted}</td>
              <td>${holds ? "✓" : "✗"}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function pictureOf(plot: Plot, language: Language): Html {
  const t = (text: Text): string => text[language];
  return seriesFigure({
    title: html`${t(plot.title)}`,
    label: t(plot.title),
    x: t(plot.x),
    y: t(plot.y),
    log: plot.log,
    series: plot.series.map(({ name, mark, points }) => ({ name: t(name), mark, points })),
  });
}

/** A row for a terminal. */
export function describeResult({ row, finding, verdict }: Result, language: Language): string {
  const t = (text: Text): string => text[language];
  return [
    `${row.id}  ${t(row.title)}: ${t(WORDS[verdict])}`,
    `    ${row.formula}    [${row.source}]`,
    `    ${t(WORDS.expected)}: ${t(row.expected)}`,
    `    ${tried(row.id, language)}`,
    ...finding.checks.map(
      ({ what, measured, wanted, holds }) =>
        `    ${holds ? "✓" : "✗"} ${t(what)}: ${measured}   (${t(WORDS.wanted)} ${wanted})`,
    ),
  ].join("\n");
}
