import type { Activation } from "@manyfold/protocol";
import type { Node } from "./graph.ts";
import { relu, sigmoid, tanh } from "./ops.ts";

/** The activation functions of the model's layers, as graphs over primitive ops. */
export const ACTIVATIONS: { readonly [A in Activation]: (x: Node) => Node } = {
  identity: (x) => x,
  sigmoid,
  tanh,
  relu,
};
