import { ModelSpec, TrainSpec } from "@manyfold/protocol";
import { buildNetwork } from "../network.ts";
import { key, normals } from "../rng.ts";
import { train } from "../train.ts";
import { firstDifference, SIZES, USES, valuesOf } from "./conformance.ts";
import { JS_KERNELS } from "./js/set.ts";
import { type Block, BLOCKS } from "./wasm/matmul.ts";
import { compileKernels } from "./wasm/set.ts";

/** What an engine makes of the kernels; equal in all of them. */
export interface Portrait {
  /** How many uses of ops were compared. */
  readonly uses: number;
  /** Where `wasm-plain` differs from `js`. */
  readonly differences: readonly string[];
  /** The weights of a small training, by variant. */
  readonly weights: { readonly js: readonly number[]; readonly plain: readonly number[] };
}

/** Compares all ops and a training on this engine; needs nothing of Node's. */
export function enginePortrait(): Portrait {
  const differences: string[] = [];
  let uses = 0;
  for (const block of Object.keys(BLOCKS) as Block[]) {
    const { set } = compileKernels("plain", () => block);
    for (const [name, usesOf] of Object.entries(USES)) {
      for (let seed = 0; seed < 3; seed++) {
        let at = seed;
        for (const use of usesOf(() => SIZES[(at += 7) % SIZES.length] ?? 1)) {
          const expected = valuesOf(use, JS_KERNELS.float32, seed, 0.1);
          const difference = firstDifference(valuesOf(use, set, seed, 0.1), expected);
          if (difference !== null) differences.push(`${block} ${name} ${difference}`);
          uses += 1;
        }
      }
    }
  }
  return { uses, differences, weights: { js: weightsIn("js"), plain: weightsIn("wasm-plain") } };
}

function weightsIn(variant: "js" | "wasm-plain"): number[] {
  const layers = [{ dense: { units: 9, activation: "tanh" as const } }, { dropout: 0.2 }];
  const outcome = train({
    variant,
    network: buildNetwork(ModelSpec.parse({ layers }), {
      inputs: 5,
      task: "regression",
      outputs: 1,
    }),
    spec: TrainSpec.parse({ epochs: 5, batch: 7 }),
    x: Float32Array.from(normals(key(1), 200)),
    y: Float32Array.from(normals(key(2), 40)),
    rows: Uint32Array.from({ length: 40 }, (_, i) => i),
    key: key(3),
  });
  return outcome.status === "done" ? [...outcome.weights] : [];
}
