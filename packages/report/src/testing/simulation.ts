import type { MemberRow } from "@manyfold/protocol";
import { hashJson } from "@manyfold/protocol";
import type { MemberPredictions } from "@manyfold/ensemble";

/** Pseudo-random numbers for examples: Lehmer's generator, and a sum of uniforms for a Gaussian. */
export interface Chance {
  readonly uniform: () => number;
  readonly gauss: () => number;
}

export function chance(seed: number): Chance {
  let state = (seed % 2147483646) + 1;
  const uniform = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  const gauss = () => Array.from({ length: 12 }, uniform).reduce((sum, u) => sum + u, -6);
  return { uniform, gauss };
}

/** Members' predictions and the truth, as tasks and tables hold them. */
export interface Simulation {
  readonly predictions: readonly MemberPredictions[];
  readonly y: Float32Array;
}

export interface Recipe {
  readonly seed: number;
  readonly rows: number;
  /** Numbers of the members that completed. */
  readonly members: readonly number[];
  /** Size of what all members get wrong alike, and of what each gets wrong for itself. */
  readonly shared: number;
  readonly own: number;
}

/** Members that are sure of a class, mostly of the true one. */
export function simulateClasses(recipe: Recipe, classes: number): Simulation {
  const { uniform, gauss } = chance(recipe.seed);
  const y = Float32Array.from({ length: recipe.rows }, () => Math.floor(uniform() * classes));
  const common = Array.from(y, (label) =>
    Array.from(
      { length: classes },
      (_, cls) => (cls === label ? 5.5 : 0) + recipe.shared * gauss(),
    ),
  );
  const predictions = recipe.members.map((member) => {
    const skill = recipe.own * (0.85 + 0.3 * uniform());
    const rows = common.map((logits) => {
      const powers = logits.map((logit) => Math.exp(logit + skill * gauss()));
      const total = powers.reduce((sum, power) => sum + power, 0);
      return powers.map((power) => power / total);
    });
    return { member, values: Float32Array.from(rows.flat()) };
  });
  return { predictions, y };
}

/** Members whose scaled predictions share an error and have one of their own. */
export function simulateValues(recipe: Recipe): Simulation {
  const { uniform, gauss } = chance(recipe.seed);
  const y = Float32Array.from({ length: recipe.rows }, () => gauss());
  const common = Array.from(y, (value) => 0.75 * value + recipe.shared * gauss());
  const width = common.map(() => recipe.own * (0.5 + uniform()));
  const predictions = recipe.members.map((member) => ({
    member,
    values: Float32Array.from(common, (value, row) => value + (width[row] ?? 0) * gauss()),
  }));
  return { predictions, y };
}

/** How members' trainings went; the failed ones stopped at a loss that was not finite. */
export function simulateTraining(
  seed: number,
  members: number,
  settings: {
    epochs: number;
    start: number;
    end: number;
    held?: number;
    failed?: readonly number[];
  },
): MemberRow[] {
  const { gauss } = chance(seed);
  const { epochs, start, end, held, failed = [] } = settings;
  return Array.from({ length: members }, (_, member): MemberRow => {
    const task = hashJson({ seed, member });
    if (failed.includes(member)) {
      const message = "The loss turned non-finite; a smaller learning rate may help.";
      const failure = { code: "nan", message, epoch: 7, layer: "dense1" } as const;
      return { member, task, state: "failed", failure };
    }
    const pace = epochs / (6 + Math.abs(gauss()));
    const curve = Array.from({ length: epochs }, (__, index) => {
      const epoch = index + 1;
      const train = (start - end) * Math.exp(-epoch / pace) * (1 + 0.04 * gauss()) + end;
      const rise = held === undefined ? 0 : held * end * (epoch / epochs) ** 2;
      return held === undefined
        ? { epoch, train }
        : { epoch, train, held: train * 1.15 + rise + 0.02 * end * Math.abs(gauss()) };
    });
    const best = curve.reduce((a, b) => ((b.held ?? 0) < (a.held ?? 0) ? b : a));
    return {
      member,
      task,
      state: "completed",
      epoch: held === undefined ? epochs : best.epoch,
      curve,
    };
  });
}
