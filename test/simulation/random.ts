/** A stream of chance that a seed determines. */
export interface Random {
  /** In [0, 1). */
  unit(): number;
  /** In [low, high). */
  between(low: number, high: number): number;
  /** A whole number in [0, count). */
  below(count: number): number;
  pick<Item>(items: readonly Item[]): Item | undefined;
  /** True with this probability. */
  chance(probability: number): boolean;
}

/** A xorshift generator: enough for schedules, and never for results. */
export function randomOf(seed: number): Random {
  let state = (Math.imul(seed ^ 0x5bf03635, 0x9e3779b1) ^ 0x2545f491) >>> 0 || 1;
  const unit = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
  // Neighbouring seeds begin alike.
  for (let turn = 0; turn < 8; turn++) unit();
  const below = (count: number) => Math.floor(unit() * count);
  return {
    unit,
    between: (low, high) => low + unit() * (high - low),
    below,
    pick: (items) => items[below(items.length)],
    chance: (probability) => unit() < probability,
  };
}
