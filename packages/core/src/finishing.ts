import type { CurvePoint } from "@manyfold/protocol";
import type { TrainJob, TrainOutcome } from "./train.ts";

type Done = Extract<TrainOutcome, { status: "done" }>;

/**
 * What becomes of a training that was measured on held-out rows (Goodfellow, Bengio, Courville 2016,
 * section 7.8):
 *
 * - best: the weights of the best epoch (algorithm 7.1)
 * - retrain: a new training from the same starting weights, on all rows, for as many epochs as the
 *   best one's number, by the same schedule (algorithm 7.2); its curve is the one returned
 * - continue: on from the best weights, on all rows, until the held-out loss is no higher than the
 *   training loss was at the best epoch, or for `epochs` more (algorithm 7.3); the curve goes on
 *   behind the best epoch
 */
export function finished(
  job: TrainJob,
  outcome: TrainOutcome,
  train: (job: TrainJob) => TrainOutcome,
): TrainOutcome {
  const finish = job.spec.earlyStopping?.finish ?? "best";
  const { held } = job;
  if (finish === "best" || outcome.status !== "done" || !held?.length) return outcome;
  const { earlyStopping: _, ...spec } = job.spec;
  const { held: __, ...rest } = job;
  const rows = Uint32Array.from([...job.rows, ...held]).sort();
  if (finish === "retrain") {
    const horizon = spec.horizon ?? spec.epochs;
    const again = train({ ...rest, rows, spec: { ...spec, horizon, epochs: outcome.epoch } });
    return again.status === "done" ? { ...again, stopped: outcome.stopped } : again;
  }
  return continued({ ...job, rows, spec }, outcome, train);
}

function continued(
  job: TrainJob,
  first: Done,
  train: (job: TrainJob) => TrainOutcome,
): TrainOutcome {
  const before = first.curve.slice(0, first.epoch);
  const later = (point: CurvePoint): CurvePoint => ({ ...point, epoch: first.epoch + point.epoch });
  const { onEpoch } = job;
  const on = train({
    ...job,
    start: first.weights,
    until: before.at(-1)?.train ?? -Infinity,
    ...(onEpoch ? { onEpoch: (point: CurvePoint) => onEpoch(later(point)) } : {}),
  });
  if (on.status === "nan") return { ...on, epoch: first.epoch + on.epoch };
  if (on.status !== "done") return on;
  return {
    ...on,
    curve: [...before, ...on.curve.map(later)],
    epoch: first.epoch + on.epoch,
    stopped: first.stopped,
  };
}
