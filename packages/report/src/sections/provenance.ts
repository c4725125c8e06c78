import type { Experiment, Json, ReportDocument } from "@manyfold/protocol";
import { count, counted, duration, moment } from "../format.ts";
import { html, type Html } from "../html.ts";
import { facts, table } from "../table.ts";
import { yaml } from "../yaml.ts";

const mostWorkers = 100;

/** The experiment with all defaults filled in, as a configuration would say it. */
export function settings(experiment: Experiment): Html {
  // Through JSON, so that members left out are left out here too.
  const data = JSON.parse(JSON.stringify(experiment)) as Json;
  return html`<p>
      Every key, defaults included. In the place of the configuration it gives this result again.
    </p>
    <pre tabindex="0" aria-label="Settings">${yaml(data)}</pre>`;
}

/** Where the result comes from: data, bits, machines, time. */
export function provenance({ result, execution }: ReportDocument): Html {
  const { source } = result.data;
  const hash = (value: string) => html`<code class="hash">${value}</code>`;
  const workers = execution.workers.slice(0, mostWorkers);
  const reproducible = execution.reproducible
    ? "yes: the same experiment gives the same bits on any machine"
    : html`no${
        execution.reasons.length > 0 &&
        html`:
          <ul>
            ${execution.reasons.map((reason) => html`<li>${reason}</li>`)}
          </ul>`
      }`;
  return html`${facts([
    ["source", html`${source.name}, ${counted(source.rows, "row")}`],
    ["sha256 of the source", hash(source.hash)],
    ["seed", count(result.experiment.seed)],
    ["arithmetic (variant)", html`<code>${result.variant}</code>`],
    [
      "ledger",
      html`${hash(result.ledger)}
        <small>sha256 over all results; equal runs have equal ledgers</small>`,
    ],
    ["reproducible", reproducible],
    ["versions", `manyfold ${execution.manyfold}, Node ${execution.node}`],
    ["run", execution.runId],
    ["started", moment(execution.started)],
    ["finished", moment(execution.finished)],
    [
      "time",
      `${duration(execution.seconds.total)} in all; ${duration(execution.seconds.train)} of training, summed over tasks`,
    ],
    ["executor", `${execution.executor}, ${counted(execution.workers.length, "worker")}`],
    ["attempts", `${count(execution.attempts)}, of which ${count(execution.lost)} lost`],
    ...((execution.copies ?? 0) > 0
      ? ([
          ["copies", `${count(execution.copies ?? 0)} of slow attempts, on a second worker`],
        ] as const)
      : []),
  ])}
  ${
    workers.length > 0 &&
    table({
      caption:
        workers.length < execution.workers.length
          ? `Workers (the first ${count(workers.length)} of ${count(execution.workers.length)})`
          : "Workers",
      columns: [
        { title: "worker", names: true, cell: ({ id }) => id },
        { title: "host", cell: ({ host }) => host },
        { title: "tasks", align: "right", cell: ({ tasks }) => count(tasks) },
      ],
      rows: workers,
    })
  }`;
}
