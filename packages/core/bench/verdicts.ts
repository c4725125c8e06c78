import { median } from "./clock.ts";
import type { Measured } from "./own.ts";
import type { PeerStep } from "./peers.ts";

type Step = Measured & { kind: "step" };
type Product = Measured & { kind: "product" };

/** How many times faster than the best peer a step must be. */
interface Target {
  /** With 128 bits: the WebAssembly kernels on Node 20. */
  readonly narrow: number;
  /** With 256 bits: on Node 24, or products by a BLAS. One of the two is enough. */
  readonly broad: number;
  readonly aim: number;
}

const TARGETS: { readonly [shape: string]: Target } = {
  tiny: { narrow: 20, broad: 25, aim: 50 },
  digits: { narrow: 2.9, broad: 5, aim: 8 },
  mnist: { narrow: 1, broad: 1.7, aim: 2.4 },
  wide: { narrow: 0.7, broad: 1.2, aim: 1.7 },
};

/** Share of the peak that a product of 512 cubed reaches, packing included. */
const PRODUCT_TARGET = 0.7;

const round = (value: number): number => Number(value.toPrecision(4));

/** A line per shape and way of computing: medians over rounds, and their ratio to the best peer. */
export function stepLines(measured: readonly Measured[], peers: readonly PeerStep[]) {
  const steps = measured.filter((one): one is Step => one.kind === "step");
  const lines = groups(steps, ({ shape, node, variant }) => `${shape} ${node} ${variant}`).map(
    (group) => {
      const { shape, node, variant } = group[0]!;
      const microseconds = median(group.map(({ wall }) => wall));
      const best = bestPeer(shape, peers);
      const ratio = best && best.us / microseconds;
      const target = targetOf(group[0]!);
      return {
        shape,
        node,
        variant,
        blocks: [...new Set(group.map(({ block }) => block ?? ""))].join(" "),
        microseconds: round(microseconds),
        cpuMicroseconds: round(median(group.map(({ cpu }) => cpu))),
        gigaflops: round(median(group.map(({ gigaflops }) => gigaflops))),
        bestPeer: best?.peer ?? null,
        peerMicroseconds: best && round(best.us),
        timesFaster: ratio && round(ratio),
        target: target?.atLeast ?? null,
        aim: target?.aim ?? null,
        verdict: verdictOf(ratio, target?.atLeast),
      };
    },
  );
  return lines.toSorted((a, b) => order(a.shape) - order(b.shape));
}

/** Products beside the peak of the same process. */
export function productLines(measured: readonly Measured[]) {
  const products = measured.filter((one): one is Product => one.kind === "product");
  return products.map(({ node, variant, block, gigaflops, peak, share }) => ({
    node,
    variant,
    block,
    gigaflops: round(gigaflops),
    peak: round(peak),
    share: round(share),
    target: PRODUCT_TARGET,
    verdict: verdictOf(share, PRODUCT_TARGET),
  }));
}

function verdictOf(figure: number | null, target: number | undefined): string {
  if (figure === null || target === undefined) return "";
  return figure >= target ? "reached" : "SHORT";
}

/** What a line is held to: the variant that a new run takes, and the BLAS. */
function targetOf({ shape, node, variant }: Step): { atLeast: number; aim: number } | null {
  const target = TARGETS[shape];
  if (target === undefined || (variant !== "wasm-fma" && variant !== "blas")) return null;
  const broad = variant === "blas" || Number(node.slice(1).split(".")[0]) >= 24;
  return { atLeast: broad ? target.broad : target.narrow, aim: target.aim };
}

function bestPeer(shape: string, peers: readonly PeerStep[]): PeerStep | null {
  const own = peers.filter((one) => one.shape === shape);
  const medians = groups(own, ({ peer }) => peer).map((group) => ({
    ...group[0]!,
    us: median(group.map(({ us }) => us)),
  }));
  return medians.toSorted((a, b) => a.us - b.us)[0] ?? null;
}

const order = (shape: string): number => Object.keys(TARGETS).indexOf(shape);

function groups<T>(items: readonly T[], nameOf: (item: T) => string): T[][] {
  const found = new Map<string, T[]>();
  for (const item of items) {
    const name = nameOf(item);
    found.set(name, [...(found.get(name) ?? []), item]);
  }
  return [...found.values()];
}
