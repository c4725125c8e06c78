import { ManyfoldError, type Regularizer, show } from "@manyfold/protocol";
import type { Network, ParameterTensor } from "./network.ts";
import { sameShape, showShape } from "./shape.ts";

/** Tensors of one shape in the flat buffers. */
export interface Ties {
  readonly offsets: readonly number[];
  /** Elements of each. */
  readonly size: number;
}

/**
 * The tensors that each `tie` among regularizers names; `null` at the others.
 *
 * @throws ManyfoldError `config` for a name that no tensor has, one that comes twice, or tensors of
 *   different shapes
 */
export function tiesOf(
  regularizers: readonly Regularizer[],
  network: Network,
): readonly (Ties | null)[] {
  return regularizers.map((one, index) => {
    if (!("tie" in one)) return null;
    const path = `train.regularizers.${index}.tie.between`;
    const found: ParameterTensor[] = [];
    for (const [at, name] of one.tie.between.entries()) {
      found.push(tensorNamed(network, name, found, `${path}.${at}`));
    }
    return { offsets: found.map(({ offset }) => offset), size: found[0]?.size ?? 0 };
  });
}

/** A tensor by its own name, or that of the dense layer whose weight it is. */
function tensorNamed(
  { parameters: { tensors } }: Network,
  name: string,
  others: readonly ParameterTensor[],
  path: string,
): ParameterTensor {
  const names = [name, `${name}.dense.weight`, `${name}.weight`];
  const tensor = tensors.find((one) => names.includes(one.name));
  const [first] = others;
  if (tensor === undefined) {
    const known = tensors.map((one) => one.name.replace(/(\.dense)?\.weight$/, ""));
    throw new ManyfoldError({
      code: "config",
      path,
      condition: `a layer or parameter with values of its own (${known.join(", ")})`,
      got: show(name),
      help: "Layers are counted from 0 with repeats written out; one that shares another's weights has none.",
    });
  }
  if (others.includes(tensor)) {
    throw new ManyfoldError({
      code: "config",
      path,
      condition: "named once",
      got: `${show(name)} again`,
      help: "A tie draws different parameters together.",
    });
  }
  if (first === undefined || sameShape(tensor.shape, first.shape)) return tensor;
  throw new ManyfoldError({
    code: "config",
    path,
    condition: `of the shape ${showShape(first.shape)} of ${first.name}`,
    got: `${tensor.name} with ${showShape(tensor.shape)}`,
    help: "Weights are [inputs, units]: tied layers have as many units, and inputs, as each other.",
  });
}
