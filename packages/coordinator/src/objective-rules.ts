import { canonicalJson, ModelSpec, TrainSpec } from "@manyfold/protocol";
import type { Rule } from "./rule.ts";

const PLAIN = {
  model: canonicalJson(ModelSpec.parse({ layers: [] })),
  train: canonicalJson(TrainSpec.parse({})),
};
const LEFT_OUT = "left out beside an objective";

/** An objective takes the place of the networks, and nothing but a search calls it. */
export const OBJECTIVE_RULES: readonly Rule[] = [
  {
    path: ["search"],
    broken: ({ objective, search }) => objective !== undefined && search === undefined,
    condition: "given with an objective",
    got: ({ search }) => search,
    help: "A search calls the objective: add a sampler, a number of trials and a space.",
  },
  ...(["model", "train"] as const).map((part): Rule => ({
    path: [part],
    broken: ({ objective, [part]: given }) =>
      objective !== undefined && canonicalJson(given) !== PLAIN[part],
    condition: LEFT_OUT,
    got: ({ [part]: given }) => given,
    help: "What is trained is the objective's own; its settings are names of search.space.",
  })),
  {
    path: ["ensemble"],
    broken: ({ objective, ensemble }) => objective !== undefined && ensemble !== undefined,
    condition: LEFT_OUT,
    got: ({ ensemble }) => ensemble,
    help: "Of what an objective trains nothing is kept, so there is nothing to average.",
  },
  {
    path: ["search", "metric"],
    broken: ({ objective, search }) => objective !== undefined && search?.metric !== "auto",
    condition: "auto or left out beside an objective",
    got: ({ search }) => search?.metric,
    help: "The objective returns the value itself; objective.direction says which is better.",
  },
  {
    path: ["search", "each"],
    broken: ({ objective, search }) => objective !== undefined && search?.each === "ensemble",
    condition: "model or left out beside an objective",
    got: ({ search }) => search?.each,
    help: "One call per trial and fold.",
  },
];
