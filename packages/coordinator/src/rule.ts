import type { Experiment } from "@manyfold/protocol";

/** A rule that several parts of an experiment have to keep together. */
export interface Rule {
  readonly path: readonly (string | number)[];
  readonly broken: (experiment: Experiment) => boolean;
  readonly condition: string;
  readonly got: (experiment: Experiment) => unknown;
  readonly help: string;
}
