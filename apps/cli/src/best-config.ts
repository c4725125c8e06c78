import { relative, resolve } from "node:path";
import type { RunState } from "@manyfold/coordinator";
import type { Experiment, SearchResult, Variant } from "@manyfold/protocol";
import { applyParams } from "@manyfold/search";
import { isFile } from "./objective.ts";
import { stringify } from "yaml";

/** How a run asks for a variant. */
const FLAGS: { readonly [V in Variant]: string } = {
  js: "--backend js",
  "wasm-plain": "--kernel plain",
  "wasm-fma": "--kernel fma",
  blas: "--backend blas",
};

/**
 * The experiment with the best setting filled in and a search of that one trial, so that running it
 * gives the same `best.value`; null where there is no best trial.
 *
 * @param folder where the file will lie: its source is relative to that
 */
export function bestConfig(
  state: RunState,
  search: SearchResult | null,
  folder: string,
): string | null {
  const { experiment, created, run } = state;
  if (!search?.best || !experiment.search) return null;
  const { trial, params, value } = search.best;
  const best: Experiment = applyParams(experiment, params);
  const space = Object.fromEntries(
    Object.entries(params).map(([path, chosen]) => [path, { categorical: [chosen] }]),
  );
  const from = (path: string) =>
    created.folder === undefined ? path : relative(resolve(folder), resolve(created.folder, path));
  const source = from(experiment.data.source);
  const { objective } = experiment;
  // What chose among trials has nothing to choose here; paused or not, a training is the same.
  const {
    scheduler: _scheduler,
    confirm: _confirm,
    budget: _budget,
    order: _order,
    enqueue: _enqueue,
    duplicates: _duplicates,
    warmStart: _warmStart,
    ...rest
  } = experiment.search;
  const one: Experiment = {
    ...best,
    data: { ...best.data, source },
    ...(objective && {
      objective: isFile(objective.module)
        ? { ...objective, module: from(objective.module) }
        : objective,
    }),
    search: { ...rest, order: "numbered", sampler: { grid: {} }, trials: 1, space },
  };
  const header = [
    `# The best of ${search.trials.length} trials of ${run}: trial ${trial}, ${search.metric} ${value}.`,
    "# Running this file assesses that setting alone, to the same value, and fits it on all training rows.",
    `# To the last bit with the kernels it was found with: ${FLAGS[created.variant]}.`,
  ];
  return `${header.join("\n")}\n${stringify(one)}`;
}
