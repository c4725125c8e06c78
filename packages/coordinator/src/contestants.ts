import type { ContestantName, EnsembleSpec, Experiment } from "@manyfold/protocol";
import { ManyfoldError } from "@manyfold/protocol";

/** One of the ways that a comparison sets against each other. */
export interface ContestantOf {
  readonly name: ContestantName;
  readonly label: string;
  readonly experiment: Experiment;
}

type Layer = Experiment["model"]["layers"][number];

const PLAIN: Pick<EnsembleSpec, "combine" | "allowFailed"> = {
  combine: { mean: {} },
  allowFailed: 0,
};

/** The ways, each with whether its networks drop units, and what its members are. */
const WAYS: {
  readonly [Name in ContestantName]: {
    readonly label: string;
    readonly drops: boolean;
    readonly ensemble: (members: number, own: Bagging | undefined) => EnsembleSpec | undefined;
  };
} = {
  net: { label: "one net", drops: false, ensemble: () => undefined },
  dropout: { label: "dropout net, weights scaled", drops: true, ensemble: () => undefined },
  masks: {
    label: "average of its thinned nets",
    drops: true,
    ensemble: (masks) => ({ ...PLAIN, dropout: { networks: 1, masks } }),
  },
  bag: { label: "bag of nets", drops: false, ensemble: bagOf },
  initOnly: {
    label: "nets from different starts",
    drops: false,
    ensemble: (members) => ({ ...PLAIN, initOnly: { members } }),
  },
  dropoutBag: { label: "bag of dropout nets", drops: true, ensemble: bagOf },
};

type Bagging = NonNullable<EnsembleSpec["bagging"]>;

/** A bag by the configuration's own draw, if it has one. */
function bagOf(members: number, own: Bagging | undefined): EnsembleSpec {
  const { sample = { bootstrap: { fraction: 1 } }, features = 1 } = own ?? {};
  return { ...PLAIN, bagging: { members, sample, features } };
}

/** Number of members of an experiment's ensemble, as the contestants are to have. */
export function contestMembers({ ensemble }: Experiment): number {
  return (
    ensemble?.bagging?.members ??
    ensemble?.initOnly?.members ??
    ensemble?.dropout?.masks ??
    DEFAULT_MEMBERS
  );
}

const DEFAULT_MEMBERS = 16;

/**
 * The experiments of a comparison of dropout with bagging: the same data, layers and training for
 * every network; those that do not drop units have dropout layers of rate 0. Where one way trains
 * more networks than another, it costs more: what each costs is a part of the answer.
 *
 * @throws ManyfoldError `config` for an experiment without test rows or dropout, or with a search
 */
export function contestantsOf(experiment: Experiment, members: number): ContestantOf[] {
  requireComparable(experiment);
  const { ensemble: _, search: __, ...base } = experiment;
  return Object.entries(WAYS).map(([name, { label, drops, ensemble }]) => {
    const own = ensemble(members, experiment.ensemble?.bagging);
    const layers = drops ? base.model.layers : base.model.layers.map(without);
    return {
      name: name as ContestantName,
      label,
      experiment: {
        ...base,
        model: { ...base.model, layers },
        ...(own && { ensemble: own }),
      },
    };
  });
}

function requireComparable({ data, model, search, objective }: Experiment): void {
  const refuse = (path: string, condition: string, got: string, help: string): never => {
    throw new ManyfoldError({ code: "config", path, condition, got, help });
  };
  if (search) {
    refuse("search", "left out of a comparison", "a search", "Compare its best.yaml instead.");
  }
  if (objective) {
    refuse(
      "objective",
      "left out of a comparison",
      "an objective",
      "It trains no networks of ours.",
    );
  }
  if (!data.split) {
    const help =
      "What is compared is the error on rows that nobody trained on: split: { test: 0.25 }.";
    refuse("data.split", "given for a comparison", "nothing", help);
  }
  if (!model.layers.some((layer) => drops(layer))) {
    const help = "Half of the contestants drop units: add - dropout: 0.5 behind a hidden layer.";
    refuse("model.layers", "with at least one dropout layer", "none", help);
  }
}

function drops(layer: Layer): boolean {
  const one = "repeat" in layer ? layer.repeat.layer : layer;
  return "dropout" in one && one.dropout.rate > 0;
}

/** The same layer, dropping nothing: names of layers stay what they are. */
function without(layer: Layer): Layer {
  if ("dropout" in layer) return { dropout: { ...layer.dropout, rate: 0 } };
  if (!("repeat" in layer) || !("dropout" in layer.repeat.layer)) return layer;
  const { times, layer: one } = layer.repeat;
  return { repeat: { times, layer: { dropout: { ...one.dropout, rate: 0 } } } };
}
