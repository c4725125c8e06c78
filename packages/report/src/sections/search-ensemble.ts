import type { Metrics, SearchEnsemble, SearchResult } from "@manyfold/protocol";
import { count, number } from "../format.ts";
import { html, type Html } from "../html.ts";
import { table } from "../table.ts";

const ways: { readonly [choose: string]: string } = {
  greedy: "picked one at a time by the error of the picks' mean, over random halves of the trials",
  minimumVariance: "weighed for the least error by the trials' error products",
  top: "the best trials, weighed equally",
};

/** What was tested of the best setting: an ensemble of the search's own networks, or an objective. */
export function tested({ ensemble, test, metric, best }: SearchResult): Html | null {
  if (ensemble) return chosen(ensemble, best?.trial);
  if (!test) return null;
  const others = Object.entries(test.values ?? {}).map(
    ([name, value]) => html`, ${name} ${number(value, 4)}`,
  );
  return html`<p>
    Called once more with all training rows, the best setting scores the test rows:
    <b>${metric} ${number(test.value, 4)}</b>${others}. Nothing of what it trained is kept.
  </p>`;
}

function chosen({ choose, among, members, validation, test }: SearchEnsemble, best = 0): Html {
  const shown = test ?? validation;
  const rows = [
    { name: `${count(members.length)} trials together`, metrics: shown.ensemble },
    { name: `trial ${best} alone`, metrics: shown.best },
  ];
  const names = Object.keys(shown.ensemble) as (keyof Metrics)[];
  return html`<h3>The ensemble from these trials</h3>
    <p>
      Of the best ${count(among)} trials, ${count(members.length)} are members
      (${ways[choose] ?? choose}); nothing was trained for it. The rows that chose it assess
      nothing:
      ${test ? "the table is on the test rows." : "without test rows the table only shows them."}
    </p>
    ${table({
      caption: "The chosen ensemble beside the best trial alone",
      columns: [
        { title: "", names: true, cell: ({ name }: (typeof rows)[number]) => name },
        ...names.map((name) => ({
          title: name,
          align: "right" as const,
          cell: ({ metrics }: (typeof rows)[number]) => {
            const value: number | undefined = metrics[name];
            return value === undefined ? null : number(value, 4);
          },
        })),
      ],
      rows,
    })}
    ${table({
      caption: "Members",
      columns: [
        { title: "trial", names: true, cell: ({ trial }) => count(trial) },
        { title: "weight", align: "right", cell: ({ weight }) => number(weight, 3) },
      ],
      rows: members.toSorted((a, b) => b.weight - a.weight || a.trial - b.trial),
    })}`;
}
