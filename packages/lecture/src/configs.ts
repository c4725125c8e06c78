import { say, type Text } from "./text.ts";

/** What a row can be tried with: a configuration of the folder configs, or why there is none. */
export type Tried = { readonly config: string } | { readonly without: Text };

const LINEAR = say(
  "perceptron, LMS and normal equations are no networks that a configuration trains",
  "感知机、LMS 与正规方程不是由配置训练的网络",
);
const FORMULA = say(
  "a property of the output's formula, measured on the op itself; every configuration has an output",
  "这是输出公式本身的性质，直接在算子上测量；每个配置都有输出层",
);

/** Rows of each configuration, in the lecture's order. */
const CONFIGS: { readonly [config: string]: readonly string[] } = {
  "lecture/xor-relu.yaml": ["A5", "A6", "A7"],
  "lecture/backpropagation.yaml": [...range("B", 1, 9), ...range("C", 1, 13)],
  "lecture/gaussian-head.yaml": ["D2", "D6"],
  "lecture/hidden-units.yaml": range("D", 7, 10),
  "lecture/penalties.yaml": ["E1", "E2", "E3", "E7", "E10'", "E12"],
  "lecture/augmentation.yaml": range("E", 4, 6),
  "moons-semi.yaml": ["E8"],
  "wine-heads.yaml": ["E9"],
  "lecture/early-stopping.yaml": ["E10"],
  "iris-tied.yaml": ["E11"],
  "lecture/bagging-dropout.yaml": range("E", 13, 15),
  "lecture/adversarial.yaml": ["E16"],
  "lecture/momentum.yaml": [...range("F", 1, 13), "F13'", "F14"],
  "digits-pretrained.yaml": ["F15"],
  "lecture/adaptive.yaml": ["F16", "F17"],
  "lecture/second-order.yaml": ["F18"],
};

const WITHOUT: { readonly [id: string]: Text } = {
  A1: LINEAR,
  A2: LINEAR,
  A3: LINEAR,
  A4: LINEAR,
  D1: FORMULA,
  D3: FORMULA,
  D4: FORMULA,
  D5: FORMULA,
};

const TRIED = new Map<string, Tried>([
  ...Object.entries(CONFIGS).flatMap(([config, ids]) =>
    ids.map((id): [string, Tried] => [id, { config }]),
  ),
  ...Object.entries(WITHOUT).map(([id, without]): [string, Tried] => [id, { without }]),
]);

/** What a row can be tried with; undefined for what is no row. */
export function triedWith(id: string): Tried | undefined {
  return TRIED.get(id);
}

/** The configurations that rows name. */
export function configsOfRows(): readonly string[] {
  return Object.keys(CONFIGS);
}

function range(letter: string, from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${letter}${from + i}`);
}
