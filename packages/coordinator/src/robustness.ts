import { attackBox, attacked, buildNetwork, lossFor } from "@manyfold/core";
import { rowsOf, type Table } from "@manyfold/data";
import type { ArtifactMember, Experiment, Robustness } from "@manyfold/protocol";

/** Steps of the attack, and rows that it is tried on at most. */
const STEPS = 10;
const MOST = 1000;

/**
 * What an adversarial training was for: the networks' own error where projected gradient ascent, which
 * they were not trained on, has moved the scored rows as far as the training did. Each network is
 * attacked alone; the figures are means over networks. Undefined without adversarial training.
 */
export function robustnessOf(
  { model, train }: Experiment,
  table: Table,
  members: readonly ArtifactMember[],
  networks: readonly Float32Array[],
  on: "test" | "train",
): Robustness | undefined {
  if (train.adversarial === undefined) return undefined;
  const { epsilon } = train.adversarial;
  const { classes, inputs, targets } = table.ref;
  const rows = rowsOf(table, on).subarray(0, MOST);
  const each = networks.map((weights, index) => {
    const listed = members.find(({ network }) => network === index)?.features;
    const features = listed ? Uint32Array.from(listed) : undefined;
    const outputs = classes > 0 ? classes : targets;
    const io = { inputs: features?.length ?? inputs, outputs, heads: table.ref.heads };
    const task = classes > 0 ? "classification" : "regression";
    const network = buildNetwork(model, { ...io, task });
    const source = { network, x: table.x, y: table.y, sides: table.sides, features };
    const box = attackBox(source, rowsOf(table, "train"), epsilon);
    return attacked(source, weights, rows, {
      loss: lossFor(train.loss, network.head, network.ownTargets),
      box,
      steps: STEPS,
    });
  });
  const mean = (of: (one: (typeof each)[number]) => number): number =>
    each.reduce((sum, one) => sum + of(one), 0) / each.length;
  const error = classes > 0;
  return {
    on,
    rows: rows.length,
    epsilon,
    steps: STEPS,
    clean: {
      loss: mean(({ clean }) => clean.loss),
      error: error ? mean(({ clean }) => clean.error) : null,
    },
    moved: {
      loss: mean(({ moved }) => moved.loss),
      error: error ? mean(({ moved }) => moved.error) : null,
    },
  };
}
