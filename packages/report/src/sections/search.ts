import type { CorrectedValue, SearchResult, SearchSpec, TrialRow } from "@manyfold/protocol";
import { tagOf } from "@manyfold/protocol";
import { valueDistribution } from "../figures/distribution.ts";
import { importanceBars } from "../figures/importance.ts";
import { parallelCoordinates } from "../figures/parallel.ts";
import { parameterPlots } from "../figures/parameters.ts";
import { rungCurves } from "../figures/rungs.ts";
import { rankedTrials } from "../figures/scored.ts";
import { valueSurface } from "../figures/surface.ts";
import { trialHistory } from "../figures/trials.ts";
import { count, counted, number } from "../format.ts";
import { html, type Html } from "../html.ts";
import { paramText } from "../subject.ts";
import { facts, path, table } from "../table.ts";
import { tested } from "./search-ensemble.ts";

/** Rows of the table of trials; the rest is in report.json. */
const most = 200;

const tag = html` <em class="tag">best</em>`;

/** Best first; trials without a value last, in their order. */
function sorted(search: SearchResult): TrialRow[] {
  return [...rankedTrials(search), ...search.trials.filter(({ value }) => value === null)];
}

/** A figure under a heading of its own; null where there is nothing to draw. */
function part(title: string, picture: Html | null): Html | null {
  return (
    picture &&
    html`<h3>${title}</h3>
      ${picture}`
  );
}

const methods: { readonly [Method in CorrectedValue["method"]]: string } = {
  fresh: "on fresh splits, which had no part in the choice",
  crossed: "on each fold the value of the trial that the other folds chose",
  shrunken:
    "drawn towards the median trial by the share of noise in what sets the better half apart",
};

/** What the best value is worth, since it was chosen for being the best. */
function note(metric: string, corrected: CorrectedValue | undefined): Html {
  if (corrected === undefined || corrected.among === 1) {
    return html`<p class="note">The score on test rows had no part in any choice.</p>`;
  }
  const { method, value, low, high, among } = corrected;
  const range =
    low === null || high === null
      ? ""
      : `, with 95 % confidence between ${number(low, 4)} and ${number(high, 4)}`;
  return html`<p class="note">
    The best of ${count(among)} was chosen for being the best, which flatters. Without that, its
    ${metric} is <b>${number(value, 4)}</b>${range} (${methods[method]}). The score on test rows is
    free of it too.
  </p>`;
}

/** What was tried, how it went, and which parameter seems to matter. */
export function search(found: SearchResult, spec: SearchSpec | undefined): Html {
  const names = [...new Set(found.trials.flatMap(({ params }) => Object.keys(params)))];
  const order = found.direction === "minimise" ? "lower" : "higher";
  const failed = found.trials.filter(({ state }) => state === "failed").length;
  const how = spec ? `, each assessed by ${tagOf(spec.assess)}` : "";
  const rows = sorted(found).slice(0, most);
  const cut =
    found.trials.length > most
      ? `the best ${count(most)} of ${count(found.trials.length)}`
      : "best first";
  const { best } = found;
  return html`<p>
      ${counted(found.trials.length, "setting")} proposed by <b>${found.sampler}</b> search${how} on
      training rows only${failed > 0 && `; ${count(failed)} failed`}. What decides is
      ${found.metric}: ${order} is
      better.${
        found.stopped !== undefined &&
        html` <b>search.budget.${found.stopped}</b> ended the search.`
      }
      ${
        found.order === "free" &&
        html`With <b>search.order: free</b> each decision saw the results that were there, so that
          no slot waited; another run would try other settings.`
      }
    </p>
    ${
      best &&
      html`<h3>
          The best setting: trial ${count(best.trial)}, ${found.metric} ${number(best.value, 4)}
        </h3>
        ${facts(Object.entries(best.params).map(([name, value]) => [path(name), paramText(value)] as const))}
        ${note(found.metric, found.corrected)}`
    }
    ${tested(found)} ${part("How it went", trialHistory(found))}
    ${part("After so many epochs", rungCurves(found))}
    ${part("How many are how good", valueDistribution(found))}
    ${part("Which parameters matter", importanceBars(found))}
    ${
      spec !== undefined && [
        part("One parameter at a time", parameterPlots(found, spec.space)),
        part("Two parameters together", valueSurface(found, spec.space)),
        part("All parameters together", parallelCoordinates(found, spec.space)),
      ]
    }
    ${table({
      caption: `Trials, ${cut}`,
      columns: [
        {
          title: "trial",
          names: true,
          cell: ({ trial }) =>
            html`<span class="keep">${count(trial)}${trial === best?.trial && tag}</span>`,
        },
        {
          title: found.metric,
          align: "right",
          cell: ({ value }) => (value === null ? null : number(value, 4)),
        },
        {
          title: "\u00b1 standard error",
          align: "right",
          cell: ({ standardError }) => (standardError === null ? null : number(standardError, 2)),
        },
        ...(found.trials.some(({ confirmed }) => confirmed !== undefined)
          ? [
              {
                title: "on fresh splits",
                align: "right" as const,
                cell: ({ confirmed }: TrialRow) =>
                  confirmed === undefined || confirmed === null ? null : number(confirmed, 4),
              },
            ]
          : []),
        ...names.map((name) => ({
          title: path(name),
          align: "right" as const,
          cell: ({ params }: TrialRow) => paramText(params[name]),
        })),
        { title: "state", cell: ({ state }) => state },
      ],
      rows,
      marked: ({ trial }) => trial === best?.trial,
    })}`;
}
