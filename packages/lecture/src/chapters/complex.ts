import { elementary, type Network } from "@manyfold/core";

interface Complex {
  readonly re: number;
  readonly im: number;
}

const { exp } = elementary;

/**
 * dF/dw_i by a complex step, Im F(w + ih) / h, which subtracts nothing: exact to rounding (Squire and
 * Trapp 1998). For half the squared error of tanh, sigmoid and identity layers.
 */
export function complexStep(
  network: Network,
  weights: ArrayLike<number>,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  at: number,
): number {
  const h = 1e-30;
  const w = (i: number): Complex => ({ re: weights[i]!, im: i === at ? h : 0 });
  let a: Complex[] = Array.from(x, (re) => ({ re, im: 0 }));
  for (const layer of network.layers) {
    if (layer.kind !== "dense") continue;
    const { units, weight, bias } = layer;
    a = Array.from({ length: units }, (_, j) => {
      let net: Complex = bias === null ? { re: 0, im: 0 } : w(bias.offset + j);
      for (const [k, from] of a.entries())
        net = plus(net, product(from, w(weight.offset + k * units + j)));
      if (layer.activation === "identity") return net;
      return layer.activation === "tanh" ? tanh(net) : sigmoid(net);
    });
  }
  let loss: Complex = { re: 0, im: 0 };
  for (const [j, own] of a.entries()) {
    const e = { re: own.re - y[j]!, im: own.im };
    loss = plus(loss, product(e, e));
  }
  return loss.im / 2 / h;
}

const plus = (a: Complex, b: Complex): Complex => ({ re: a.re + b.re, im: a.im + b.im });

const product = (a: Complex, b: Complex): Complex => ({
  re: a.re * b.re - a.im * b.im,
  im: a.re * b.im + a.im * b.re,
});

function quotient(a: Complex, b: Complex): Complex {
  const size = b.re * b.re + b.im * b.im;
  return { re: (a.re * b.re + a.im * b.im) / size, im: (a.im * b.re - a.re * b.im) / size };
}

/** 1 / (1 + e^-z); the imaginary part is so small that its cosine is 1. */
function sigmoid(z: Complex): Complex {
  const size = exp(-z.re);
  return quotient({ re: 1, im: 0 }, { re: 1 + size, im: -size * z.im });
}

function tanh(z: Complex): Complex {
  const double = sigmoid({ re: 2 * z.re, im: 2 * z.im });
  return { re: 2 * double.re - 1, im: 2 * double.im };
}
