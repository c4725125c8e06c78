import { html, type Html } from "@manyfold/report/page";
import { pageOf } from "../page.ts";
import { short } from "../row.ts";
import type { LayerPass, SamplePass } from "./backprop.ts";
import { drawGraph } from "./draw.ts";
import type { Explanation } from "./explain.ts";

const ownCss = `
main { max-width: 1080px; }
.graph { max-height: none; padding: 6px; }
.graph svg { max-width: 100%; min-width: 900px; height: auto; }
.graph .edge { fill: none; stroke: var(--muted); stroke-width: 1.2; }
.graph .head { fill: var(--muted); }
.graph rect { fill: var(--panel); stroke: var(--rule); stroke-width: 1.4; }
.graph .given rect { stroke: var(--measured); } .graph .fixed rect { stroke-dasharray: 3 3; }
.graph text { text-anchor: middle; font-size: 12px; fill: var(--ink); } .graph .shape { font-size: 10px; fill: var(--muted); }
td { font-family: ui-monospace, Menlo, Consolas, "Liberation Mono", monospace; overflow-wrap: anywhere; }
`;

/** Numbers that a page or a terminal shows of a long list. */
const SHOWN = 8;

/** An explanation as a page of its own. */
export function renderExplanation(name: string, explanation: Explanation): string {
  const { summary, graph, costs, jacobian, passes } = explanation;
  const body = html`<pre>${summary}</pre>
    <section>
      <h2>Computational graph</h2>
      ${drawGraph(graph, `The graph of the mean loss, ${graph.nodes.length} nodes`)}
      <p class="note">
        ${String(graph.nodes.length)} variables; those that are given have a corner and a coloured
        rim. The whole gradient takes ${String(costs.forwardPasses)} passes
        (${String(costs.forwardSteps)} steps) in forward mode and one (${String(costs.reverseSteps)}
        steps) in reverse mode.
      </p>
    </section>
    <section>
      <h2>Forward and backward</h2>
      <p>${agreementText(explanation)}</p>
      ${"missing" in passes ? null : passes.map((pass, row) => passTable(pass, row))}
    </section>
    <section>
      <h2>Jacobian of the first row's outputs in its inputs</h2>
      <pre>${jacobian.map((row) => listed(row)).join("\n")}</pre>
    </section>`;
  return pageOf(name, "en", body, ownCss);
}

/** The same for a terminal. */
export function describeExplanation(explanation: Explanation): string {
  const { summary, graph, costs, jacobian, passes } = explanation;
  const rows = "missing" in passes ? [] : passes;
  return [
    summary,
    "",
    `graph: ${graph.nodes.length} variables`,
    ...graph.nodes.map(
      ({ id, label, shape, inputs }) =>
        `  ${id}: ${label} [${shape.join(", ")}]${inputs.length > 0 ? ` <- ${inputs.join(", ")}` : ""}`,
    ),
    "",
    `the gradient in forward mode: ${costs.forwardPasses} passes, ${costs.forwardSteps} steps`,
    `              in reverse mode: ${costs.reversePasses} pass, ${costs.reverseSteps} steps`,
    "",
    ...rows.flatMap((pass, row) => [
      `row ${row}: loss ${short(pass.loss)}, dC/da at the end ${listed(pass.start)}`,
      ...pass.layers.flatMap((layer) => [
        `  ${layer.name} (${layer.activation})`,
        ...quantities(layer).map(([what, value]) => `    ${what.padEnd(26)} ${value}`),
      ]),
    ]),
    "",
    "Jacobian of the first row's outputs in its inputs:",
    ...jacobian.map((row) => `  ${listed(row)}`),
    "",
    agreementText(explanation),
  ].join("\n");
}

function quantities(layer: LayerPass): readonly (readonly [string, string])[] {
  return [
    ["z = W a + b", listed(layer.net)],
    ["a = f(z)", listed(layer.output)],
    ["BP1, BP2: delta = dC/dz", listed(layer.sensitivity)],
    ["BP3: dC/db = delta", listed(layer.bias)],
    ["BP4: dC/dw = a delta", listed(layer.weight.flat())],
  ];
}

function passTable(pass: SamplePass, row: number): Html {
  return html`<h3>Row ${String(row)}: loss ${short(pass.loss)}</h3>
    <div class="scroll">
      <table>
        <tbody>
          ${pass.layers.flatMap((layer) =>
            quantities(layer).map(
              ([what, value], i) =>
                html`<tr>
                  <th scope="row">${i === 0 ? `${layer.name} (${layer.activation})` : ""}</th>
                  <td>${what}</td>
                  <td>${value}</td>
                </tr>`,
            ),
          )}
        </tbody>
      </table>
    </div>`;
}

function agreementText({ agreement, passes }: Explanation): string {
  if (agreement === null) return "missing" in passes ? passes.missing : "";
  const verdict = agreement.holds ? "agree" : "DO NOT agree";
  return `Back-propagation by hand and the graph's derivatives ${verdict}: largest difference ${agreement.difference.toExponential(1)} (at most 1e-12, float64).`;
}

function listed(values: readonly number[]): string {
  if (values.length === 0) return "none";
  const rest = values.length - SHOWN;
  const more = rest > 0 ? `, … (${rest} more)` : "";
  return `(${values.slice(0, SHOWN).map(short).join(", ")}${more})`;
}
