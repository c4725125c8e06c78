import { ManyfoldError } from "@manyfold/protocol";
import type { Graph } from "./graph.ts";
import { JS_KERNELS } from "./kernels/js/set.ts";
import type { Arena, ComputedOp, KernelSet, Step, Values } from "./kernels/kernels.ts";
import { type Place, type Plan, planGraph } from "./plan.ts";
import type { Key } from "./rng.ts";
import { sizeOf } from "./shape.ts";

/** A plan bound to memory and kernels. */
export interface Program {
  readonly arena: Arena;
  readonly inputs: ReadonlyMap<string, Values>;
  readonly outputs: ReadonlyMap<string, Values>;
  /** Computes all outputs from what lies in the inputs. Allocates nothing. */
  run(key?: Key): void;
}

/**
 * Binds a plan to a kernel set: constants written, one function a step.
 *
 * @param values the arena, at least `plan.elements` long; by default a fresh one. Plans with the
 *   same reserved places may share one if they never run at once.
 */
export function bindPlan(plan: Plan, kernels: KernelSet, values?: Values): Program {
  const arena: Arena = {
    dtype: kernels.dtype,
    values: values ?? kernels.allocate(plan.elements),
    key: new Uint32Array(2),
  };
  const calls = bindSteps(plan.steps, kernels, arena);
  const fill = (): void => {
    for (const { offset, size, value } of plan.constants) {
      arena.values.fill(value, offset, offset + size);
    }
  };
  fill();
  const shared = values !== undefined;
  const view = ({ offset, shape }: Place): Values =>
    arena.values.subarray(offset, offset + sizeOf(shape));
  return {
    arena,
    inputs: new Map([...plan.inputs].map(([name, place]) => [name, view(place)])),
    outputs: new Map([...plan.outputs].map(([name, place]) => [name, view(place)])),
    run: (key) => {
      // Another plan may have used the same places since.
      if (shared) fill();
      if (key !== undefined) arena.key.set(key);
      for (let i = 0; i < calls.length; i++) (calls[i] as () => void)();
    },
  };
}

/** One function a step, or one for two where the set joins them. */
function bindSteps(steps: readonly Step[], kernels: KernelSet, arena: Arena): (() => void)[] {
  const calls: (() => void)[] = [];
  for (let at = 0; at < steps.length; at++) {
    const first = steps[at] as Step;
    const second = steps[at + 1];
    // What the second step writes over has no other reader.
    const inPlace = second?.inputs[0] === first.output && second.output === first.output;
    const joined = inPlace ? kernels.pair?.(first, second, arena) : null;
    if (joined) at += 1;
    calls.push(joined ?? bindStep(first, kernels, arena));
  }
  return calls;
}

function bindStep<K extends ComputedOp>(
  step: Step<K>,
  kernels: KernelSet,
  arena: Arena,
): () => void {
  return kernels.table[step.op](step, arena);
}

/**
 * Computes a graph's outputs once, by default in float64: for checks and explanations, not for
 * loops (it plans and allocates).
 *
 * @param inputs the values of every input, row-major
 *
 * @example
 * const x = input("x", [3]);
 * evaluateGraph({ outputs: { y: square(x) } }, { x: [1, 2, 3] }); // { y: [1, 4, 9] }
 */
export function evaluateGraph<Name extends string>(
  graph: { readonly outputs: { readonly [N in Name]: Graph["outputs"][string] } },
  inputs: { readonly [name: string]: ArrayLike<number> },
  kernels: KernelSet = JS_KERNELS.float64,
  key?: Key,
): { [N in Name]: Values } {
  const program = bindPlan(planGraph(graph), kernels);
  for (const [name, view] of program.inputs) {
    const values = inputs[name];
    if (values === undefined || values.length !== view.length) {
      throw new ManyfoldError({
        code: "internal",
        path: `input ${name}`,
        condition: `${view.length} numbers`,
        got: values === undefined ? "nothing" : `${values.length}`,
      });
    }
    view.set(values);
  }
  program.run(key);
  return Object.fromEntries([...program.outputs].map(([name, view]) => [name, view.slice()])) as {
    [N in Name]: Values;
  };
}
