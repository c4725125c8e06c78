import { match, type MomentumSchedule, type Schedule, type tagOf } from "@manyfold/protocol";
import { exp, log } from "./math/float64.ts";

type ScheduleName = ReturnType<typeof tagOf<Schedule>>;
type SettingsOf<K extends ScheduleName> = Extract<Schedule, Record<K, unknown>>[K];
type MomentumName = ReturnType<typeof tagOf<MomentumSchedule>>;
type MomentumOf<K extends MomentumName> = Extract<MomentumSchedule, Record<K, unknown>>[K];

/** What a schedule is laid out for. */
export interface Length {
  /** Steps of an epoch. */
  readonly epoch: number;
  /** Steps of the whole training. */
  readonly total: number;
}

/** A schedule at work. */
export interface RunningSchedule {
  /**
   * The factor on the optimizer's rate.
   *
   * @param step steps done so far, from 0
   */
  readonly factor: (step: number) => number;
  /** Told the loss that each epoch ended with; only `plateau` listens. */
  readonly observe?: (loss: number) => void;
}

/**
 * The schedules.
 *
 * - constant: 1
 * - linear: (1 - a) + a `to` with a = min(1, step / tau), tau = `over` * total (Goodfellow, Bengio,
 *   Courville 2016, equation 8.14)
 * - cosine: `to` + (1 - `to`) (1 + cos(pi share)) / 2, over each of the cycles (Loshchilov and Hutter
 *   2017, eq. 5)
 * - step: by^floor(epoch / every); exponential: by^epoch, the epoch with its fraction
 * - inverse: tau / max(tau, epoch) (Bergstra and Bengio 2012, section 2)
 * - oneCycle: by cosines from `from` to 1 and on to `to` (Smith 2018)
 * - plateau: falls by a factor where the loss of `patience` epochs in a row did not improve
 * - warmUp: from `from` to 1 in a line, times another schedule
 */
const schedules = ({
  epoch,
  total,
}: Length): { readonly [K in ScheduleName]: (settings: SettingsOf<K>) => RunningSchedule } => ({
  constant: () => ({ factor: () => 1 }),
  linear: ({ to, over }) => ({
    factor: (step) => {
      const share = Math.min(1, step / (over * total));
      return 1 - share + share * to;
    },
  }),
  cosine: ({ to, cycles = 1, stretch = 1 }) => ({
    factor: (step) => between(1, to, cycleShare(Math.min(1, step / total), cycles, stretch)),
  }),
  step: ({ every, by }) => ({
    factor: (step) => power(by, Math.floor(Math.floor(step / epoch) / every)),
  }),
  exponential: ({ by }) => {
    const rate = log(by);
    return { factor: (step) => exp(rate * (step / epoch)) };
  },
  inverse: ({ after }) => ({ factor: (step) => after / Math.max(after, step / epoch) }),
  oneCycle: ({ from, to, peak }) => ({
    factor: (step) => {
      const share = Math.min(1, step / total);
      if (share < peak) return between(from, 1, share / peak);
      return between(1, to, (share - peak) / (1 - peak));
    },
  }),
  plateau: ({ by, patience, minDelta, to }) => {
    let factor = 1;
    let best = Infinity;
    let waited = 0;
    return {
      factor: () => factor,
      observe: (loss) => {
        waited = loss < best - minDelta ? 0 : waited + 1;
        best = Math.min(best, loss);
        if (waited < patience) return;
        waited = 0;
        factor = Math.max(to, factor * by);
      },
    };
  },
  warmUp: ({ over, from, into }) => {
    const after = startSchedule(into, { epoch, total });
    return {
      ...after,
      factor: (step) => {
        const share = Math.min(1, step / (over * total));
        return (from + (1 - from) * share) * after.factor(step);
      },
    };
  },
});

/** Starts a configured schedule. */
export function startSchedule(schedule: Schedule, length: Length): RunningSchedule {
  return match<Schedule, RunningSchedule>(schedule, schedules(length));
}

/** The momentum at a step, from the optimizer's own. */
export type Momentum = (step: number) => number;

/**
 * The momentum of a training.
 *
 * - linear: from `from` to the optimizer's within `over`
 * - sutskever: min(1 - 2^(-1 - log2(floor(t / steps) + 1)), own) = 1 - 1 / (2 (floor(t / steps) + 1))
 * - oneCycle: from the optimizer's to `low` and back, by cosines
 */
export function momentumOf(schedule: MomentumSchedule, own: number, { total }: Length): Momentum {
  const table: { readonly [K in MomentumName]: (settings: MomentumOf<K>) => Momentum } = {
    linear: ({ from, over }) => {
      return (step) => from + (own - from) * Math.min(1, step / (over * total));
    },
    sutskever: ({ steps }) => {
      return (step) => Math.min(own, 1 - 0.5 / (Math.floor(step / steps) + 1));
    },
    oneCycle: ({ low, peak }) => {
      return (step) => {
        const share = Math.min(1, step / total);
        if (share < peak) return between(own, low, share / peak);
        return between(low, own, (share - peak) / (1 - peak));
      };
    },
  };
  return match<MomentumSchedule, Momentum>(schedule, table);
}

/** From one value to another along half a period of the cosine. */
function between(from: number, to: number, share: number): number {
  return to + ((from - to) * (1 + cosineOfPi(share))) / 2;
}

/** How far the cycle has come in which a share of the whole lies; cycle i is stretch^i long. */
function cycleShare(share: number, cycles: number, stretch: number): number {
  if (cycles === 1) return share;
  let whole = 0;
  for (let i = 0, length = 1; i < cycles; i++, length *= stretch) whole += length;
  let rest = share * whole;
  let length = 1;
  for (let i = 1; i < cycles && rest >= length; i++) {
    rest -= length;
    length *= stretch;
  }
  return Math.min(1, rest / length);
}

function power(base: number, exponent: number): number {
  let result = 1;
  for (let i = 0; i < exponent; i++) result *= base;
  return result;
}

/**
 * cos(pi x) for x in [0, 1] from + and * alone, so that engines agree on the bits: folded to
 * [0, pi/4], then the Taylor series of cosine or sine to below half a unit in the last place.
 */
function cosineOfPi(x: number): number {
  if (x > 0.5) return -cosineOfPi(1 - x);
  const useSine = x > 0.25;
  const angle = Math.PI * (useSine ? 0.5 - x : x);
  const square = angle * angle;
  const lowest = useSine ? 1 : 0;
  let sum = 1;
  for (let order = lowest + 18; order > lowest; order -= 2) {
    sum = 1 - (sum * square) / (order * (order - 1));
  }
  return useSine ? angle * sum : sum;
}
