/** Remembers the values used last. */
export interface BoundedCache<V> {
  /** The value of a name, made where it is not known. */
  get(name: string, make: () => V): V;
  /** Forgets a name where it still has this value. */
  delete(name: string, value: V): void;
}

/** A cache of at most `size` values; the one not asked for longest goes first. */
export function boundedCache<V>(size: number): BoundedCache<V> {
  // A map keeps the order of insertion: the first is the oldest.
  const values = new Map<string, V>();
  return {
    get(name, make) {
      const known = values.get(name);
      const value = known ?? make();
      values.delete(name);
      values.set(name, value);
      for (const oldest of values.keys()) {
        if (values.size <= size) break;
        values.delete(oldest);
      }
      return value;
    },
    delete(name, value) {
      if (values.get(name) === value) values.delete(name);
    },
  };
}
