import { evaluateGraph, grad, type Node, ops } from "@manyfold/core";

/** A graph's value, and its gradient in some inputs. */
export function slopes(
  output: Node,
  wrt: readonly Node[],
  given: { readonly [name: string]: ArrayLike<number> },
): { value: number; gradients: number[][] } {
  const outputs = Object.fromEntries(grad(output, wrt).map((node, i) => [`g${i}`, node]));
  const found: { readonly [name: string]: ArrayLike<number> } = evaluateGraph(
    { outputs: { ...outputs, value: output } },
    given,
  );
  return {
    value: found["value"]?.[0] ?? NaN,
    gradients: wrt.map((_, i) => Array.from(found[`g${i}`] ?? [])),
  };
}

/** Central differences of a graph's value in one of its inputs. */
export function differences(
  output: Node,
  name: string,
  given: { readonly [name: string]: ArrayLike<number> },
  h = 1e-5,
): number[] {
  const at = (values: number[]): number =>
    evaluateGraph({ outputs: { output } }, { ...given, [name]: values }).output[0] ?? NaN;
  const own = Array.from(given[name] ?? []);
  return own.map((_, i) => {
    const moved = (by: number) => own.map((value, j) => (i === j ? value + by : value));
    return (at(moved(h)) - at(moved(-h))) / (2 * h);
  });
}

export const scalar = (name: string): Node => ops.input(name, []);
