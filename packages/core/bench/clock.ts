/** Microseconds of one call: on the wall, and of this process's own time on a processor. */
export interface Timing {
  readonly wall: number;
  readonly cpu: number;
}

/** Times calls for at least some milliseconds, in bundles so that the clocks cost nothing. */
export function timeCalls(call: () => void, milliseconds: number, bundle: number): Timing {
  const from = performance.now();
  const cpu = process.cpuUsage();
  let calls = 0;
  do {
    for (let i = 0; i < bundle; i++) call();
    calls += bundle;
  } while (performance.now() - from < milliseconds);
  const { user, system } = process.cpuUsage(cpu);
  return { wall: ((performance.now() - from) * 1000) / calls, cpu: (user + system) / calls };
}

/** The middle of several figures, by the wall and by the processor. */
export function medianTiming(timings: readonly Timing[]): Timing {
  return {
    wall: median(timings.map(({ wall }) => wall)),
    cpu: median(timings.map(({ cpu }) => cpu)),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
}
