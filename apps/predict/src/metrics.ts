import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/** What `GET /metrics` tells. */
export interface Measures {
  request(labels: { method: string; route: string; status: number }, seconds: number): void;
  rows(model: string, rows: number): void;
  readonly batch: (rows: number) => void;
  reload(ok: boolean): void;
  models(count: number): void;
  /** The Prometheus text format, and its content type. */
  text(): Promise<string>;
  readonly contentType: string;
}

/**
 * Counts for Prometheus, in a registry of their own.
 *
 * @param process whether the process's own figures (memory, event loop) are among them
 */
export function createMeasures({ process }: { readonly process: boolean }): Measures {
  const registry = new Registry();
  if (process) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Histogram({
    name: "manyfold_request_seconds",
    help: "Time from a request's arrival to its answer's end.",
    labelNames: ["method", "route", "status"],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30],
    registers,
  });
  const rows = new Counter({
    name: "manyfold_rows_total",
    help: "Rows predicted.",
    labelNames: ["model"],
    registers,
  });
  const batches = new Histogram({
    name: "manyfold_batch_rows",
    help: "Rows of small requests that were predicted together.",
    buckets: [1, 2, 4, 8, 16, 32, 64],
    registers,
  });
  const reloads = new Counter({
    name: "manyfold_reloads_total",
    help: "Reloads of the artifacts.",
    labelNames: ["result"],
    registers,
  });
  const models = new Gauge({
    name: "manyfold_models",
    help: "Artifacts that are served.",
    registers,
  });
  return {
    request: (labels, seconds) => requests.observe({ ...labels }, seconds),
    rows: (model, count) => rows.inc({ model }, count),
    batch: (count) => batches.observe(count),
    reload: (ok) => reloads.inc({ result: ok ? "ok" : "refused" }),
    models: (count) => models.set(count),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
