import type { Experiment } from "@manyfold/protocol";

/** A rule that several parts of an experiment have to keep together. */
export interface Rule {
  /** The place to point to, where it depends on the experiment as a function of it. */
  readonly path: Path | ((experiment: Experiment) => Path);
  readonly broken: (experiment: Experiment) => boolean;
  readonly condition: string;
  readonly got: (experiment: Experiment) => unknown;
  readonly help: string;
}

type Path = readonly (string | number)[];
