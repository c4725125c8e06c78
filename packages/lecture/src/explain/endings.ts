import { elementary, type LossName, type Network } from "@manyfold/core";
import { ManyfoldError, matchNamed, nameOf } from "@manyfold/protocol";

const { exp, log, sigmoid, softplus } = elementary;

type Head = Network["head"];

/** A loss of one sample on the last layer's values z, and its slope there. */
export interface Ended {
  readonly loss: number;
  readonly slope: readonly number[];
}

/**
 * Where BP1 starts: written apart from the graph's losses, which it is there to check.
 *
 * @param z the last layer's values, `[logits]`
 * @param y `[targets]`: values, a probability, or one-hot
 * @throws ManyfoldError for a loss that is not one of the output
 */
export function ended(
  wanted: LossName,
  head: Head,
  z: readonly number[],
  y: readonly number[],
): Ended {
  return matchNamed<LossName, Ended>(wanted, {
    squaredError: () => squares(head, z, y),
    absoluteError: () => {
      const errors = z.map((own, i) => own - y[i]!);
      return { loss: sum(errors.map(Math.abs)), slope: errors.map((e) => Math.sign(e)) };
    },
    huber: ({ delta }) => {
      const errors = z.map((own, i) => own - y[i]!);
      const losses = errors.map((e) => {
        const size = Math.abs(e);
        return size <= delta ? 0.5 * e * e : delta * (size - 0.5 * delta);
      });
      return { loss: sum(losses), slope: errors.map((e) => Math.max(-delta, Math.min(delta, e))) };
    },
    binaryCrossEntropy: () => ({
      loss: sum(z.map((own, i) => y[i]! * softplus(-own) + (1 - y[i]!) * softplus(own))),
      slope: z.map((own, i) => sigmoid(own) - y[i]!),
    }),
    softmaxCrossEntropy: () => {
      const p = softmax(z);
      const total = sum(y);
      const lse = logSumExp(z);
      return {
        loss: sum(y.map((own, i) => own * (lse - z[i]!))),
        slope: p.map((own, i) => total * own - y[i]!),
      };
    },
    gaussianNll: ({ beta }) => gaussian(head, beta, z, y),
    mixtureNll: () => mixture(head, z, y),
    perTarget: (each) => {
      const slope = z.map(() => 0);
      const losses = each.map(({ loss, weight }, target) => {
        const columns = columnsOf(head, y.length, target);
        const name = loss === "auto" ? OWN[nameOf(head)] : loss;
        if (name === undefined) throw unwritten(`auto of a ${nameOf(head)} output`);
        const own = ended(
          name,
          head,
          columns.map((at) => z[at]!),
          [y[target]!],
        );
        for (const [i, at] of columns.entries()) slope[at] = weight * own.slope[i]!;
        return weight * own.loss;
      });
      return { loss: sum(losses), slope };
    },
  });
}

/** The loss of maximum likelihood, as formula 2 to 4 of the lecture have it. */
const OWN: { readonly [head: string]: LossName } = {
  linear: "squaredError",
  sigmoid: "binaryCrossEntropy",
  gaussian: { gaussianNll: { beta: 0 } },
  mixture: "mixtureNll",
};

/** Columns of the logits that speak of one target: means of all, variances of all, and so on. */
function columnsOf(head: Head, targets: number, target: number): number[] {
  if (typeof head === "string") return [target];
  if ("gaussian" in head) return [target, targets + target];
  const { components } = head.mixture;
  return [0, 1, 2].flatMap((part) =>
    Array.from({ length: components }, (_, c) => (part * targets + target) * components + c),
  );
}

function squares(head: Head, z: readonly number[], y: readonly number[]): Ended {
  const half = (errors: readonly number[]) => sum(errors.map((e) => 0.5 * e * e));
  if (head === "sigmoid") {
    const p = z.map(sigmoid);
    const errors = p.map((own, i) => own - y[i]!);
    return { loss: half(errors), slope: errors.map((e, i) => e * p[i]! * (1 - p[i]!)) };
  }
  if (head === "softmax") {
    const p = softmax(z);
    const errors = p.map((own, i) => own - y[i]!);
    const along = sum(p.map((own, i) => own * errors[i]!));
    return { loss: half(errors), slope: p.map((own, i) => own * (errors[i]! - along)) };
  }
  const errors = z.map((own, i) => own - y[i]!);
  return { loss: half(errors), slope: errors };
}

/** ½ (log 2πσ² + (y - μ)²/σ²) times σ^(2β) held fixed; σ² = ζ(s) + least, dσ²/ds = σ(s). */
function gaussian(head: Head, beta: number, z: readonly number[], y: readonly number[]): Ended {
  const least = typeof head === "object" && "gaussian" in head ? head.gaussian.minVariance : 0;
  const slope = z.map(() => 0);
  const losses = y.map((own, i) => {
    const [mean, s] = [z[i]!, z[y.length + i]!];
    const variance = softplus(s) + least;
    const weight = beta === 0 ? 1 : exp(beta * log(variance));
    const error = mean - own;
    slope[i] = (weight * error) / variance;
    slope[y.length + i] =
      0.5 * weight * (1 / variance - (error * error) / (variance * variance)) * sigmoid(s);
    return 0.5 * weight * (log(2 * Math.PI * variance) + (error * error) / variance);
  });
  return { loss: sum(losses), slope };
}

/** -log Σ_c w_c N(y; μ_c, σ_c²): with responsibilities r, d/d logit w_c is w_c - r_c. */
function mixture(head: Head, z: readonly number[], y: readonly number[]): Ended {
  if (typeof head !== "object" || !("mixture" in head)) throw unwritten("mixtureNll");
  const { components, minVariance } = head.mixture;
  const slope = z.map(() => 0);
  const losses = y.map((own, target) => {
    const columns = columnsOf(head, y.length, target);
    const part = (index: number) => columns.slice(index * components, (index + 1) * components);
    const [logits, means, spreads] = [part(0), part(1), part(2)];
    const weights = softmax(logits.map((at) => z[at]!));
    const joint = weights.map((weight, c) => {
      const variance = softplus(z[spreads[c]!]!) + minVariance;
      const error = z[means[c]!]! - own;
      const density = log(2 * Math.PI * variance) + (error * error) / variance;
      return { weight, variance, error, log: log(weight) - 0.5 * density };
    });
    const total = logSumExp(joint.map((one) => one.log));
    for (const [c, { weight, variance, error, log: joined }] of joint.entries()) {
      const share = exp(joined - total);
      slope[logits[c]!] = weight - share;
      slope[means[c]!] = (share * error) / variance;
      slope[spreads[c]!] =
        0.5 *
        share *
        (1 / variance - (error * error) / (variance * variance)) *
        sigmoid(z[spreads[c]!]!);
    }
    return -total;
  });
  return { loss: sum(losses), slope };
}

function logSumExp(z: readonly number[]): number {
  const top = Math.max(...z);
  return top + log(sum(z.map((own) => exp(own - top))));
}

function softmax(z: readonly number[]): number[] {
  const top = Math.max(...z);
  const powers = z.map((own) => exp(own - top));
  const total = sum(powers);
  return powers.map((own) => own / total);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, own) => total + own, 0);
}

function unwritten(got: string): ManyfoldError {
  return new ManyfoldError({
    code: "config",
    path: "the loss to explain",
    condition: "one of the output",
    got,
    help: "manyfold plan says which losses an output has.",
  });
}
