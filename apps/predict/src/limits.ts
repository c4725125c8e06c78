/** What one request may ask for. Anything beyond is refused before any work is done. */
export interface Limits {
  /** Bytes of a request's body. */
  readonly bodyBytes: number;
  /** Rows of a request. */
  readonly rows: number;
  /** Numbers of an answer: rows times outputs, times one more than the members if these are asked for. */
  readonly numbers: number;
  /**
   * Milliseconds that a request may take to arrive, again that its prediction may take, and again
   * that a closing server waits for answers on their way.
   */
  readonly milliseconds: number;
}

export const DEFAULT_LIMITS: Limits = {
  bodyBytes: 8 * 1024 * 1024,
  rows: 10_000,
  numbers: 1_000_000,
  milliseconds: 30_000,
};
