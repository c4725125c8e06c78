import type { SideHead } from "@manyfold/protocol";
import type { Node } from "./graph.ts";
import { type Head, headFor, headRule } from "./heads.ts";
import { lossFor, type LossName, lossRows } from "./losses.ts";
import type { Network, NetworkIO } from "./network.ts";
import { add, scale, slice } from "./ops.ts";

/** A head beside the first one, with everything resolved. */
export interface Side {
  readonly task: NetworkIO["task"];
  readonly head: Head;
  /** Columns of the targets that its loss reads. */
  readonly targets: number;
  /** Columns of its prediction. */
  readonly columns: number;
  readonly loss: LossName;
  readonly weight: number;
}

/** What a network's heads are. */
type Heads = Pick<Network, "task" | "head" | "ownTargets" | "sides">;

/** The heads of a model beside the first one. */
export function sidesOf(heads: readonly SideHead[], io: NetworkIO): Side[] {
  return heads.map(({ task, output, loss, weight }, i): Side => {
    const path = `model.heads.${i}`;
    const own = { inputs: io.inputs, task, outputs: io.heads?.[i] || 1 };
    const head = headFor(output, own, `${path}.output`);
    const rule = headRule(head);
    const targets = rule.targets(own);
    return {
      task,
      head,
      targets,
      columns: rule.columns(own.outputs),
      loss: lossFor(loss, head, targets, `${path}.loss`),
      weight,
    };
  });
}

/** A run of columns, as a slice takes it. */
type Columns = readonly [from: number, width: number];

/** Where each head's targets and logits stand among those of all: the first one's, then the sides'. */
function headColumns({
  head,
  ownTargets,
  sides,
}: Heads): readonly { readonly targets: Columns; readonly logits: Columns }[] {
  let [target, logit] = [0, 0];
  return [{ head, targets: ownTargets }, ...sides].map((own) => {
    const width = headRule(own.head).logits(own.targets);
    const columns = { targets: [target, own.targets], logits: [logit, width] } as const;
    target += own.targets;
    logit += width;
    return columns;
  });
}

/**
 * What a network's heads lose on each row, `[rows]`, each by its weight; from all logits and targets.
 */
export function networkLossRows(network: Heads, loss: LossName, logits: Node, targets: Node): Node {
  const { head, sides } = network;
  if (sides.length === 0) return lossRows(loss, logits, targets, head);
  const heads = [{ head, loss, weight: 1 }, ...sides];
  const each = headColumns(network).map((columns, i) => {
    const own = heads[i]!;
    const rows = lossRows(
      own.loss,
      slice(logits, 1, ...columns.logits),
      slice(targets, 1, ...columns.targets),
      own.head,
    );
    return own.weight === 1 ? rows : scale(rows, own.weight);
  });
  return each.reduce((total, own) => add(total, own));
}

/**
 * A head's prediction `[rows, columns]` from the logits of all heads.
 *
 * @param side which of `network.sides`; the first head without it
 */
export function predictionOf(network: Heads, logits: Node, side?: number): Node {
  const { head, task } = side === undefined ? network : network.sides[side]!;
  const columns = headColumns(network)[side === undefined ? 0 : side + 1]!;
  const own = network.sides.length === 0 ? logits : slice(logits, 1, ...columns.logits);
  return headRule(head).prediction(own, task);
}
