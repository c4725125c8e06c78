import { canonicalJson, match } from "@manyfold/protocol";
import type { Experiment } from "@manyfold/protocol";
import type { Rule } from "./rule.ts";

const isFromSearch = ({ ensemble }: Experiment) => ensemble?.fromSearch !== undefined;

/** What an ensemble of a search's networks asks of the rest. */
export const FROM_SEARCH_RULES: readonly Rule[] = [
  {
    path: ["ensemble", "fromSearch"],
    broken: (experiment) => isFromSearch(experiment) && experiment.search === undefined,
    condition: "left out without a search",
    got: ({ ensemble }) => ensemble?.fromSearch,
    help: "Its members are networks that a search has trained.",
  },
  {
    path: ["search", "assess"],
    broken: (experiment) =>
      isFromSearch(experiment) &&
      experiment.ensemble?.fromSearch?.refit === false &&
      experiment.search !== undefined &&
      match(experiment.search.assess, { validation: () => false, folds: () => true }),
    condition: "validation with ensemble.fromSearch, unless it has refit: true",
    got: ({ search }) => search?.assess,
    help: "Each fold scales its inputs in its own way, and an artifact has one: take one split, or refit.",
  },
  {
    path: ["search", "each"],
    broken: (experiment) => isFromSearch(experiment) && experiment.search?.each === "ensemble",
    condition: "model with ensemble.fromSearch",
    got: ({ search }) => search?.each,
    help: "Trials are its members.",
  },
  {
    path: ["ensemble", "combine"],
    broken: (experiment) =>
      isFromSearch(experiment) &&
      canonicalJson(experiment.ensemble?.combine) !== canonicalJson({ mean: {} }),
    condition: "left out beside fromSearch",
    got: ({ ensemble }) => ensemble?.combine,
    help: "fromSearch.choose weighs the members.",
  },
  {
    path: ({ search }) => [
      "search",
      "space",
      Object.keys(search?.space ?? {}).find(isOutput) ?? "model.output",
    ],
    broken: (experiment) =>
      isFromSearch(experiment) && Object.keys(experiment.search?.space ?? {}).some(isOutput),
    condition: "left out with ensemble.fromSearch",
    got: ({ search }) => Object.keys(search?.space ?? {}).find(isOutput),
    help: "Members say the same thing, values or distributions.",
  },
];

function isOutput(name: string): boolean {
  return name === "model.output" || name.startsWith("model.output.");
}
