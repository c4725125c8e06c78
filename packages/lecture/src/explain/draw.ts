import { html, type Html } from "@manyfold/report/page";
import type { ListedGraph, ListedNode } from "./graph.ts";

const [COLUMN, ROW, WIDTH, HEIGHT, MARGIN] = [150, 58, 124, 38, 16];

/** The graph as SVG, from its inputs on the left to its outputs on the right. */
export function drawGraph({ nodes }: ListedGraph, label: string): Html {
  const columns = columnsOf(nodes);
  const places = new Map<number, { x: number; y: number }>();
  for (const [column, ids] of columns.entries()) {
    // Near the middle of what each is computed from, so that few edges cross.
    const wanted = ids.map((id) => {
      const from = (nodes[id]?.inputs ?? []).flatMap((input) => places.get(input) ?? []);
      const middle = from.reduce((sum, { y }) => sum + y, 0) / from.length;
      return { id, y: from.length > 0 ? middle : MARGIN };
    });
    wanted.sort((a, b) => a.y - b.y || a.id - b.id);
    let next = MARGIN;
    for (const { id, y } of wanted) {
      const at = Math.max(next, y);
      places.set(id, { x: MARGIN + column * COLUMN, y: at });
      next = at + ROW;
    }
  }
  const all = [...places.values()];
  const width = Math.max(...all.map(({ x }) => x)) + WIDTH + MARGIN;
  const height = Math.max(...all.map(({ y }) => y)) + HEIGHT + MARGIN;
  const edges = nodes.flatMap(({ id, inputs }) =>
    inputs.flatMap((from) => {
      const [a, b] = [places.get(from), places.get(id)];
      if (a === undefined || b === undefined) return [];
      const [x1, y1] = [a.x + WIDTH, a.y + HEIGHT / 2];
      const [x2, y2] = [b.x - 5, b.y + HEIGHT / 2];
      const middle = (x1 + x2) / 2;
      const path = `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
      return [html`<path d="${path}" class="edge" marker-end="url(#arrow)" />`];
    }),
  );
  const boxes = nodes.map((node) => boxOf(node, places.get(node.id) ?? { x: 0, y: 0 }));
  return html`<div class="scroll graph">
    <svg
      role="img"
      aria-label="${label}"
      viewBox="0 0 ${String(width)} ${String(height)}"
      width="${String(width)}"
      height="${String(height)}"
    >
      <defs>
        <marker
          id="arrow"
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="7"
          markerHeight="7"
          orient="auto"
        >
          <path d="M0 0 L8 4 L0 8 z" class="head" />
        </marker>
      </defs>
      ${edges} ${boxes}
    </svg>
  </div>`;
}

function boxOf({ op, label, shape }: ListedNode, { x, y }: { x: number; y: number }): Html {
  const kind = op === "input" ? "given" : op === "constant" ? "fixed" : "computed";
  const short = label.length > 18 ? `${label.slice(0, 17)}…` : label;
  const middle = String(x + WIDTH / 2);
  return html`<g class="node ${kind}">
    <title>${label}</title>
    <rect
      x="${String(x)}"
      y="${String(y)}"
      width="${String(WIDTH)}"
      height="${String(HEIGHT)}"
      rx="${op === "input" ? "3" : "18"}"
    />
    <text x="${middle}" y="${String(y + 16)}">${short}</text>
    <text x="${middle}" y="${String(y + 30)}" class="shape">[${shape.join(", ")}]</text>
  </g>`;
}

/**
 * Ids by column: what is computed stands right of all it is computed from, and what is given just
 * left of its first use.
 */
function columnsOf(nodes: readonly ListedNode[]): number[][] {
  const depth = nodes.map(() => 0);
  for (const { id, inputs } of nodes) {
    for (const from of inputs) depth[id] = Math.max(depth[id] ?? 0, (depth[from] ?? 0) + 1);
  }
  for (const { id, inputs } of nodes) {
    if (inputs.length > 0) continue;
    const uses = nodes
      .filter((node) => node.inputs.includes(id))
      .map((node) => depth[node.id] ?? 0);
    if (uses.length > 0) depth[id] = Math.max(0, Math.min(...uses) - 1);
  }
  const columns: number[][] = [];
  depth.forEach((column, id) => (columns[column] ??= []).push(id));
  return Array.from(columns, (ids) => ids ?? []);
}
