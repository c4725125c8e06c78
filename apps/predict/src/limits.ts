/** What one request may ask for. Anything beyond is refused before any work is done. */
export interface Limits {
  /** Bytes of a JSON request's body. */
  readonly bodyBytes: number;
  /** Rows of a JSON request. */
  readonly rows: number;
  /** Numbers of a JSON answer: rows times outputs, times one more than the members if these are asked for. */
  readonly numbers: number;
  /**
   * Milliseconds that a request may take to arrive, again that its prediction may take, and again
   * that a closing server waits for answers on their way.
   */
  readonly milliseconds: number;
  /** Rows of a CSV that streams through. */
  readonly csvRows: number;
  /** Characters of a CSV's longest row. */
  readonly csvRecord: number;
  /** Milliseconds that a CSV may take to stream through. */
  readonly csvMilliseconds: number;
  /** Requests a minute of one address; null for any number. */
  readonly perMinute: number | null;
}

export const DEFAULT_LIMITS: Limits = {
  bodyBytes: 8 * 1024 * 1024,
  rows: 10_000,
  numbers: 1_000_000,
  milliseconds: 30_000,
  csvRows: 100_000_000,
  csvRecord: 1024 * 1024,
  csvMilliseconds: 3_600_000,
  perMinute: null,
};
