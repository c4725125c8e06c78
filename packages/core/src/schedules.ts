import { match, type Schedule, type tagOf } from "@manyfold/protocol";

type ScheduleName = ReturnType<typeof tagOf<Schedule>>;

type SettingsOf<K extends ScheduleName> = Extract<Schedule, Record<K, unknown>>[K];

/**
 * The factor on the optimizer's rate.
 *
 * @param step steps done so far, from 0
 * @param total steps of the whole training
 */
export type Factor = (step: number, total: number) => number;

/**
 * The schedules.
 *
 * - constant: 1
 * - linear: (1 - a) + a `to` with a = min(1, step / tau), tau = `over` * total (Goodfellow, Bengio,
 *   Courville 2016, equation 8.14)
 * - cosine: `to` + (1 - `to`) (1 + cos(pi step / total)) / 2 (Loshchilov and Hutter 2017, eq. 5)
 */
const SCHEDULES: { readonly [K in ScheduleName]: (settings: SettingsOf<K>) => Factor } = {
  constant: () => () => 1,
  linear:
    ({ to, over }) =>
    (step, total) => {
      const share = Math.min(1, step / (over * total));
      return 1 - share + share * to;
    },
  cosine:
    ({ to }) =>
    (step, total) =>
      to + ((1 - to) * (1 + cosineOfPi(Math.min(1, step / total)))) / 2,
};

/** The factor of a configured schedule. */
export function scheduleFactor(schedule: Schedule): Factor {
  return match(schedule, SCHEDULES);
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
