import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TrainSpec } from "@manyfold/protocol";
import { z } from "zod";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "./folder.ts";
import { framesOf, onlyRun } from "./journal-file.ts";
import { manyfold } from "./program.ts";

/*
 * Everything that a person can get wrong is answered in the one form of errors, `<path> must be
 * <condition>, got <value>.` and a line of help, with exit code 2, and leaves nothing behind. With
 * --json it is one document. A case is what differs from a folder in which all is well.
 */

const CONFIG = `version: 1
name: tiny
data:
  source: data.csv
  target: y
  task: classification
  split: { test: 0.25, stratify: true }
model:
  layers:
    - dense: { units: 3, activation: tanh }
train:
  epochs: 2
  optimizer: { adam: { lr: 0.01 } }
ensemble:
  bagging: { members: 2 }
`;

const DATA = `a,b,color,y
1.5,2,red,no
2.5,3,blue,yes
0.5,1,red,no
3.5,4,blue,yes
1.0,2,green,no
2.0,3,red,yes
0.1,5,blue,no
3.0,4,green,yes
`;

interface Case {
  /** What is wrong. */
  readonly name: string;
  /** Makes it wrong, in a folder of its own with x.yaml, data.csv and, where it is about one, a run. */
  readonly given?: (write: Write, folder: string) => void;
  readonly args?: readonly string[];
  /** All that is said, on stderr after "error: ", or as the message of the document; see plain. */
  readonly says: string;
}

/** What a program gets. */
const ErrorDocument = z.strictObject({
  status: z.literal("error"),
  error: z.strictObject({ code: z.string(), message: z.string(), path: z.string() }),
});

type Write = (name: string, content: string | Uint8Array) => void;

/** A text with one change; the change has to be one. */
function edit(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`There is no ${from} to change.`);
  return text.replace(from, to);
}

const config =
  (...changes: readonly (readonly [from: string, to: string])[]) =>
  (write: Write) =>
    write(
      "x.yaml",
      changes.reduce((text, [from, to]) => edit(text, from, to), CONFIG),
    );

const data =
  (...changes: readonly (readonly [from: string, to: string])[]) =>
  (write: Write) =>
    write(
      "data.csv",
      changes.reduce((text, [from, to]) => edit(text, from, to), DATA),
    );

const TASK = "task: classification\n  split: { test: 0.25, stratify: true }";
const REGRESSION = [TASK, "task: regression"] as const;
const search = (space: string, rest = "") =>
  config(["ensemble:", `search:\n  trials: 2\n${rest}  space: { ${space} }\nensemble:`]);

const CONFIGURATION: readonly Case[] = [
  {
    name: "no such configuration",
    args: ["run", "y.yaml"],
    says: "y.yaml must be a readable configuration file, got no such file.\nExamples are in the folder configs; `manyfold schema` prints every key.",
  },
  {
    name: "a folder for a configuration",
    args: ["run", "."],
    says: ". must be a readable configuration file, got a folder.\nExamples are in the folder configs; `manyfold schema` prints every key.",
  },
  {
    name: "an empty configuration",
    given: (write) => write("x.yaml", ""),
    says: "x.yaml:1:1 must be an object with version, name, data, model, got null.",
  },
  {
    name: "a list for a configuration",
    given: (write) => write("x.yaml", "- 1\n"),
    says: "x.yaml:1:1 must be an object with version, name, data, model, got [1].",
  },
  {
    name: "no YAML",
    given: config(["data:\n", "data: {\n"]),
    says: "x.yaml:4:11 must be valid YAML, got Implicit keys need to be on a single line.\nIndent with spaces and put a space after each colon.",
  },
  {
    name: "a key given twice",
    given: config(["version: 1\n", "version: 1\nversion: 1\n"]),
    says: "x.yaml:2:1 must be valid YAML, got Map keys must be unique.\nIndent with spaces and put a space after each colon.",
  },
  {
    name: "a tab for an indent",
    given: config(["  target", "\ttarget"]),
    says: "x.yaml:5:1 must be valid YAML, got Tabs are not allowed as indentation.\nIndent with spaces and put a space after each colon.",
  },
  {
    name: "an alias to nothing",
    given: config(["target: y", "target: *y"]),
    says: "x.yaml must be valid YAML, got Unresolved alias (the anchor must be set before the alias): y.\nAn asterisk begins an alias; put the text in quotes if none is meant.",
  },
  {
    name: "an unknown key",
    given: config(["ensemble:", "ensembel:"]),
    says: 'x.yaml:14:1 ensembel must be a known setting, got "ensembel".\nDid you mean ensemble?',
  },
  {
    name: "an unknown key further in",
    given: config(["epochs:", "epoch:"]),
    says: 'x.yaml:12:3 train.epoch must be a known setting, got "epoch".\nDid you mean epochs?',
  },
  {
    name: "an unknown key like no other",
    given: config(["epochs:", "patience:"]),
    says: `x.yaml:12:3 train.patience must be a known setting, got "patience".\nKnown here: ${Object.keys(TrainSpec.shape).join(", ")}.`,
  },
  {
    name: "an unknown layer",
    given: config(["- dense", "- dence"]),
    says: 'x.yaml:10:7 model.layers.0.dence must be a known setting, got "dence".\nDid you mean dense?',
  },
  {
    name: "an unknown name",
    given: config(["tanh", "than"]),
    says: 'x.yaml:10:38 model.layers.0.dense.activation must be one of identity, sigmoid, tanh, relu, selu, gelu, silu, softplus, hardTanh, abs, rbf, leakyRelu, prelu, elu, maxout, got "than".',
  },
  {
    name: "a wrong type",
    given: config(["epochs: 2", "epochs: many"]),
    says: 'x.yaml:12:11 train.epochs must be a whole number, got "many".',
  },
  {
    name: "a list for an object",
    given: config(["{ units: 3, activation: tanh }", "[3, tanh]"]),
    says: 'x.yaml:10:14 model.layers.0.dense must be an object with units, got [3,"tanh"].',
  },
  {
    name: "nothing for a value",
    given: config(["epochs: 2", "epochs:"]),
    says: "x.yaml:12:10 train.epochs must be a whole number, got null.",
  },
  {
    name: "a draw within classes where there are none",
    given: config([TASK, "task: regression"], ["members: 2 }", "members: 2, sample: stratified }"]),
    says: 'x.yaml:14:34 ensemble.bagging.sample must be another draw than stratified for a regression, got "stratified".\nIt draws within each class; bootstrap draws from all rows.',
  },
  {
    name: "a draw of groups where there are none",
    given: config(["members: 2 }", "members: 2, sample: grouped }"]),
    says: 'x.yaml:15:34 ensemble.bagging.sample must be another draw than grouped without data.split.group, got "grouped".\nGroups are the equal values of that column; without it the test rows would be of groups trained on.',
  },
  {
    name: "snapshots of cycles that are no whole epochs",
    given: config(["bagging: { members: 2 }", "snapshots: { members: 5 }"]),
    says: "x.yaml:12:11 train.epochs must be a multiple of ensemble.snapshots.members, got 2.\nEach snapshot ends a cycle of as many epochs as the others.",
  },
  {
    name: "a comparison with dropout without any",
    args: ["compare", "x.yaml"],
    says: "x.yaml:10:5 model.layers must be with at least one dropout layer, got none.\nHalf of the contestants drop units: add - dropout: 0.5 behind a hidden layer.",
  },
  {
    name: "a bag that grows in steps longer than itself",
    given: config(["members: 2 }", "members: 2 }\n  stop: { tolerance: 0.1 }"]),
    says: "x.yaml:16:3 ensemble.stop.step must be at most ensemble.bagging.members, the most members there may be, got 8.\nThe bag grows in steps up to that number; 128 is a good one.",
  },
  {
    name: "members that leave no rows out to stop their number by",
    given: config([
      "bagging: { members: 2 }",
      "initOnly: { members: 2 }\n  stop: { tolerance: 0.1 }",
    ]),
    says: 'x.yaml:16:3 ensemble.stop must be left out where no member leaves rows out, got {"tolerance":0.1,"step":8,"confidence":0.9}.\nThe gain from more members is estimated on out-of-bag rows, which come with ensemble.bagging.',
  },
  {
    name: "a tolerance of nothing",
    given: config(["members: 2 }", "members: 2 }\n  stop: { tolerance: 0 }"]),
    says: "x.yaml:16:22 ensemble.stop.tolerance must be > 0, got 0.",
  },
  {
    name: "a fraction for a count",
    given: config(["units: 3", "units: 2.5"]),
    says: "x.yaml:10:23 model.layers.0.dense.units must be a whole number, got 2.5.",
  },
  {
    name: "a negative rate",
    given: config(["lr: 0.01", "lr: -0.1"]),
    says: "x.yaml:13:28 train.optimizer.adam.lr must be > 0, got -0.1.",
  },
  {
    name: "a rate that is no number",
    given: config(["lr: 0.01", "lr: .nan"]),
    says: "x.yaml:13:28 train.optimizer.adam.lr must be a finite number, got NaN.",
  },
  {
    name: "an infinite rate",
    given: config(["lr: 0.01", "lr: .inf"]),
    says: "x.yaml:13:28 train.optimizer.adam.lr must be a finite number, got Infinity.",
  },
  {
    name: "a share above 1",
    given: config(["test: 0.25", "test: 25"]),
    says: "x.yaml:7:18 data.split.test must be < 1, got 25.",
  },
  {
    name: "no members",
    given: config(["members: 2", "members: 0"]),
    says: "x.yaml:15:23 ensemble.bagging.members must be >= 1, got 0.",
  },
  {
    name: "a newer version",
    given: config(["version: 1", "version: 2"]),
    says: "x.yaml:1:10 version must be 1, got 2.",
  },
  {
    name: "a missing key",
    given: config(["  target: y\n", ""]),
    says: "x.yaml:3:1 data.target must be a column name, or a list of column names, got nothing.\nColumn to predict; several for multi-output regression.",
  },
  {
    name: "a name that is a path",
    given: config(["tiny", "../tiny"]),
    says: 'x.yaml:2:7 name must be a short name of lower-case letters, digits and dashes, got "../tiny".',
  },
  {
    name: "two kinds of ensemble",
    given: config(["ensemble:\n", "ensemble:\n  initOnly: {}\n"]),
    says: 'x.yaml:14:1 ensemble must be an object with exactly one of bagging, initOnly, dropout, snapshots, fromSearch, got {"initOnly":{},"bagging":{"members":2}}.',
  },
  {
    name: "two mistakes at once",
    given: config(["epochs: 2", "epochs: 0"], ["lr: 0.01", "lr: 0"]),
    says: "x.yaml:12:11 train.epochs must be >= 1, got 0.\nx.yaml:13:28 train.optimizer.adam.lr must be > 0, got 0.",
  },
  {
    name: "probabilities for values",
    given: config(REGRESSION, ["  layers:", "  output: softmax\n  layers:"]),
    says: 'x.yaml:8:11 model.output must be linear, gaussian, mixture or auto for a regression, got "softmax".\nSigmoid and softmax outputs are probabilities.',
  },
  {
    name: "a tie with a layer that is not there",
    given: config([
      "  epochs: 2",
      "  regularizers: [{ tie: { between: [layers.0, layers.7] } }]\n  epochs: 2",
    ]),
    says: 'x.yaml:12:47 train.regularizers.0.tie.between.1 must be a layer or parameter with values of its own (layers.0, layers.0.dense.bias, output, output.bias), got "layers.7".\nLayers are counted from 0 with repeats written out; one that shares another\'s weights has none.',
  },
  {
    name: "a further head of a column that is not there",
    given: config(["train:", "  heads: [{ target: colour, task: classification }]\ntrain:"]),
    says: 'x.yaml:11:21 model.heads.0.target must be a column of data.csv, got "colour".\nDid you mean color? Its columns are a, b, color, y.',
  },
  {
    name: "a further head of the target",
    given: config(["train:", "  heads: [{ target: y, task: classification }]\ntrain:"]),
    says: 'x.yaml:11:21 model.heads.0.target must be a column with no other use, got "y".\nIt is a target, the group of the split, or ignored already.',
  },
  {
    name: "a further head of numbers that are words",
    given: config(["train:", "  heads: [{ target: color, task: regression }]\ntrain:"]),
    says: 'data.csv:2 column color must be a number, got "red".\nCorrect the cell, or set data.task: classification to predict labels.',
  },
  {
    name: "a further head with a loss of another kind",
    given: config([
      "train:",
      "  heads: [{ target: color, task: classification, loss: huber }]\ntrain:",
    ]),
    says: 'x.yaml:11:56 model.heads.0.loss must be auto or one that fits a softmax output (squaredError, softmaxCrossEntropy), got "huber".\nhuber needs model.output: linear.',
  },
  {
    name: "further heads for rows that have no target",
    given: config(
      ["train:", "  heads: [{ target: color, task: classification }]\ntrain:"],
      ["  epochs: 2", "  semi: vat\n  epochs: 2"],
      ["  task: classification", "  task: classification\n  unlabelled: keep"],
    ),
    says: 'x.yaml:12:10 model.heads must be left out with train.semi, got "color".\nA row without a target has none of the further ones either; train.pretrain learns from such rows.',
  },
  {
    name: "losses per target of classes",
    given: config(["  epochs: 2", "  loss: { perTarget: [{ weight: 2 }] }\n  epochs: 2"]),
    says: 'x.yaml:12:3 train.loss must be without perTarget for a classification, got "perTarget".\nSeveral targets on one trunk are numbers, all of them.',
  },
  {
    name: "an activation that changes what a dense layer computes, alone",
    given: config(["  layers:", "  layers:\n    - activation: rbf"]),
    says: 'x.yaml:10:19 model.layers.0.activation must be one that a layer of its own can be, got "rbf".\nWrite it as the activation of a dense layer: dense: { units: 8, activation: rbf }.',
  },
  {
    name: "a second-order method on minibatches",
    given: config(["{ adam: { lr: 0.01 } }", "newton"]),
    says: "x.yaml:11:1 train.batch must be all for a second-order method, got 64.\nIts line search and its curvature need the loss of all rows; minibatches change it at every step.",
  },
  {
    name: "a second-order method with dropout",
    given: config(
      [
        "    - dense: { units: 3, activation: tanh }\n",
        "    - dense: { units: 3, activation: tanh }\n    - dropout: 0.2\n",
      ],
      ["{ adam: { lr: 0.01 } }", "lbfgs\n  batch: all"],
    ),
    says: 'x.yaml:10:5 model.layers.1 must be left out with a second-order method, got "dropout and lbfgs".\nA new mask in every step is a new function; a line search needs one.',
  },
  {
    name: "a loss of another output",
    given: config(["epochs: 2", "epochs: 2\n  loss: gaussianNll"]),
    says: 'x.yaml:13:9 train.loss must be auto or one that fits a softmax output (squaredError, softmaxCrossEntropy), got "gaussianNll".\ngaussianNll needs model.output: gaussian.',
  },
  {
    name: "moved images of no image",
    given: config(
      ["epochs: 2", "epochs: 2\n  augment: { image: { height: 3, width: 3 } }"],
      ["  split:", "  scale: minmax\n  split:"],
    ),
    says: "x.yaml:14:14 train.augment.image must be of a height and width whose product is 5, the network's inputs, got 3 x 3.\nEvery input column is a pixel, row by row; data.columns can leave others out.",
  },
  {
    name: "out-of-bag rows without a bag",
    given: config(
      ["bagging: { members: 2 }", "initOnly: {}"],
      ["epochs: 2", "epochs: 2\n  earlyStopping: { on: oob }"],
    ),
    says: 'x.yaml:13:24 train.earlyStopping.on must be holdout where no member leaves rows out, got "oob".\nOut-of-bag rows come with ensemble.bagging; in a search, with each: ensemble.',
  },
  {
    name: "a parameter that is not there",
    given: search("train.optimizer.adam.rate: { float: [0.1, 1] }"),
    says: 'x.yaml:16:12 search.space.train.optimizer.adam.rate must be a path into the experiment\'s model, train or ensemble, got "train.optimizer.adam.rate".\nDid you mean train.optimizer.adam.lr?',
  },
  {
    name: "a parameter whose values are refused",
    given: search("train.optimizer.adam.lr: { categorical: [0.1, -1] }", "  sampler: grid\n"),
    says: "x.yaml:17:12 search.space.train.optimizer.adam.lr must be > 0, got -1.\nEach of its values has to be a valid train.optimizer.adam.lr.",
  },
  {
    name: "a range from high to low",
    given: search("train.optimizer.adam.lr: { float: [1, 0.1] }"),
    says: "x.yaml:16:46 search.space.train.optimizer.adam.lr.float must be [low, high] with low < high, got [1,0.1].",
  },
  {
    name: "a range from 0 on a log scale",
    given: search("train.optimizer.adam.lr: { float: [0, 1], scale: log }"),
    says: "x.yaml:16:46 search.space.train.optimizer.adam.lr.float must be above 0 for scale: log, got [0,1].",
  },
  {
    name: "an enqueued setting outside of its range",
    given: search(
      "train.optimizer.adam.lr: { float: [0.001, 0.1] }",
      "  enqueue: [{ train.optimizer.adam.lr: 1 }]\n",
    ),
    says: 'x.yaml:16:40 search.enqueue.0.train.optimizer.adam.lr must be a value of {"float":[0.001,0.1]}, got 1.',
  },
  {
    name: "an enqueued setting of something that is not searched",
    given: search(
      "train.optimizer.adam.lr: { float: [0.001, 0.1] }",
      "  enqueue: [{ train.batch: 2 }]\n",
    ),
    says: 'x.yaml:16:15 search.enqueue.0.train.batch must be a parameter of search.space, got "train.batch".',
  },
  {
    name: "more trials than settings, none of which may come twice",
    given: search(
      "model.layers.0.dense.activation: { categorical: [tanh] }",
      "  duplicates: reject\n",
    ),
    says: "x.yaml:15:11 search.trials must be at most 1, the number of different settings, for duplicates: reject, got 2.",
  },
  {
    name: "a warm start from a folder without a run",
    given: search("train.optimizer.adam.lr: { float: [0.001, 0.1] }", "  warmStart: runs/gone\n"),
    says: "x.yaml:16:14 search.warmStart must be the folder of a run, got runs/gone.\nA run's folder holds its journal.log; it is named relative to the configuration.",
  },
  {
    name: "a space without a parameter",
    given: search(""),
    says: "x.yaml:16:3 search.space must be an object with at least one parameter, got {}.",
  },
  {
    name: "a grid over a range without steps",
    given: search("train.optimizer.adam.lr: { float: [0.01, 1] }", "  sampler: grid\n"),
    says: 'x.yaml:17:12 search.space.train.optimizer.adam.lr must be a range with steps for sampler: grid, got {"float":[0.01,1]}.\nAdd for example steps: 5, or list the values with categorical: [...].',
  },
  {
    name: "constraints that no setting keeps",
    given: search(
      "train.batch: { int: [1, 4] }, train.epochs: { int: [1, 9] }",
      '  sampler: tpe\n  constraints: ["train.batch > train.epochs + 3"]\n',
    ),
    says: "x.yaml:17:16 search.constraints must be kept by some setting of the space, got none of 10000 random ones.\nWiden the space or the constraints.",
  },
  {
    name: "a network that is searched too deep",
    given: config(
      [
        "- dense: { units: 3, activation: tanh }",
        "- repeat: { times: 1, layer: { dense: { units: 3, activation: tanh } } }",
      ],
      [
        "ensemble:",
        "search:\n  trials: 2\n  space: { model.layers.0.repeat.times: { int: [0, 300] } }\nensemble:",
      ],
    ),
    says: "x.yaml:16:12 search.space.model.layers.0.repeat.times must be <= 256, got 300.\nEach of its values has to be a valid model.layers.0.repeat.times.",
  },
  {
    name: "a budget of less than a trial",
    given: search("train.batch: { int: [1, 4] }", "  repeats: 3\n  budget: { cells: 2 }\n"),
    says: "x.yaml:17:20 search.budget.cells must be at least the cells of one trial (folds x repeats), got 2.\nTrials are begun whole.",
  },
  {
    name: "a free order of trials that never wait",
    given: search("train.batch: { int: [1, 4] }", "  order: free\n"),
    says: 'x.yaml:16:10 search.order must be numbered where no decision waits for results, got "free".\nSuch a search never leaves a slot idle: free would give nothing.',
  },
  {
    name: "more folds than rows",
    given: search("train.batch: { int: [1, 4] }", "  assess: { folds: { k: 50 } }\n"),
    says: "x.yaml:16:25 search.assess.folds.k must be at most the number of training rows (6), got 50.\nTake fewer folds, or a validation split.",
  },
];

const DATASET: readonly Case[] = [
  {
    name: "no such file",
    given: config(["data.csv", "dada.csv"]),
    says: "dada.csv must be a readable file, got nothing there.\nDid you mean data.csv?",
  },
  {
    name: "no such folder",
    given: config(["data.csv", "no/such/data.csv"]),
    says: "no/such/data.csv must be a readable file, got nothing there.\nThere is no folder no/such either.",
  },
  {
    name: "a folder for a file",
    given: config(["data.csv", "."]),
    says: ". must be a readable file, got a folder.\nName a file that you may read. Paths in a configuration are relative to it.",
  },
  {
    name: "an empty file",
    given: (write) => write("data.csv", ""),
    says: "data.csv must be a CSV file with a header row, got an empty file.\nIs it the right file?",
  },
  {
    name: "a file that is no text",
    given: (write) => write("data.csv", Uint8Array.of(97, 44, 98, 10, 0xff, 0xfe, 10)),
    says: 'data.csv must be text in UTF-8, got other bytes.\nSave it as "CSV UTF-8", with commas.',
  },
  {
    name: "a header and no rows",
    given: (write) => write("data.csv", "a,b,color,y\n"),
    says: "data.csv must be a CSV file with rows below its header, got none.\nIs it the right file?",
  },
  {
    name: "a header with a gap",
    given: data(["a,b,color", "a,,color"]),
    says: "data.csv:1 must be a header with a name for each column, got none for column 2.\nThe first row names the columns.",
  },
  {
    name: "a header with a name twice",
    given: data(["a,b,color", "a,a,color"]),
    says: 'data.csv:1 must be a header with a different name for each column, got "a" for column 1 and column 2.\nThe first row names the columns.',
  },
  {
    name: "a row that is too short",
    given: data(["0.5,1,red,no", "0.5,1,no"]),
    says: "data.csv:4 must be a row of 4 cells, as the header, got 3.\nPut a cell that holds the delimiter in quotes; leave an empty cell for a missing value.",
  },
  {
    name: "a row that is too long",
    given: data(["0.5,1,red,no", "0.5,1,red,no,no"]),
    says: "data.csv:4 must be a row of 4 cells, as the header, got 5.\nPut a cell that holds the delimiter in quotes; leave an empty cell for a missing value.",
  },
  {
    name: "a quote that is not closed",
    given: data(["0.5,1,red", '0.5,1,"red']),
    says: 'data.csv:9 must be a CSV record, got a quote that is not closed.\nA field with quotes in it is written "like ""this""".',
  },
  {
    name: "a text in a column of numbers",
    given: data(["0.5,1,", "0.5,one,"]),
    says: 'data.csv:4 column b must be a number, got "one".\nCorrect the cell, or declare data.columns.b: categorical.',
  },
  {
    name: "a number with a comma",
    given: data(["0.5,1,", '"0,5",1,']),
    says: 'data.csv:4 column a must be a number, got "0,5".\nCorrect the cell, or declare data.columns.a: categorical.',
  },
  {
    name: "NaN",
    given: data(["0.5,1,", "NaN,1,"]),
    says: 'data.csv:4 column a must be finite, got "NaN".\nLeave a cell empty (null in JSON) where a value is missing.',
  },
  {
    name: "infinity",
    given: data(["0.5,1,", "-Infinity,1,"]),
    says: 'data.csv:4 column a must be finite, got "-Infinity".\nLeave a cell empty (null in JSON) where a value is missing.',
  },
  {
    name: "a number that is too large",
    given: data(["0.5,1,", "1e999,1,"]),
    says: 'data.csv:4 column a must be finite, got "1e999".\nLeave a cell empty (null in JSON) where a value is missing.',
  },
  {
    name: "a column without values",
    given: (write) => write("data.csv", DATA.replaceAll(/^[\d.]+,/gm, ",")),
    says: "data.csv column a must be a column with at least one value, got 8 empty cells.\nTake the column out, or declare data.columns.a: ignore.",
  },
  {
    name: "a missing value where none may be",
    given: (write) => {
      config(["  target: y\n", "  target: y\n  missing: error\n"])(write);
      data(["0.5,1,", "0.5,,"])(write);
    },
    says: "data.csv:4 column b must be given in every row, got an empty cell.\nFill the cell, or set data.missing: impute.",
  },
  {
    name: "a missing target",
    given: data(["0.5,1,red,no", "0.5,1,red,"]),
    says: "data.csv:4 column y must be given in every row, got an empty cell.\nTake out the rows without a target, or set data.unlabelled: keep to learn from them.",
  },
  {
    name: "an absent target",
    given: config(["target: y", "target: Y"]),
    says: 'x.yaml:5:11 data.target must be a column of data.csv, got "Y".\nDid you mean y? Its columns are a, b, color, y.',
  },
  {
    name: "an absent target like no other",
    given: config(["target: y", "target: species"]),
    says: 'x.yaml:5:11 data.target must be a column of data.csv, got "species".\nIts columns are a, b, color, y.',
  },
  {
    name: "an absent column",
    given: config(["  target: y\n", "  target: y\n  columns: { colour: categorical }\n"]),
    says: 'x.yaml:6:22 data.columns.colour must be a column of data.csv, got "colour".\nDid you mean color? Its columns are a, b, color, y.',
  },
  {
    name: "an absent group",
    given: config(["stratify: true", "group: patient"]),
    says: 'x.yaml:7:31 data.split.group must be a column of data.csv, got "patient".\nIts columns are a, b, color, y.',
  },
  {
    name: "nothing but a target",
    given: config([
      "  target: y\n",
      "  target: y\n  columns: { a: ignore, b: ignore, color: ignore }\n",
    ]),
    says: "data.csv must be a table with at least one input column besides the target, got the columns a, b, color, y.\nAdd columns, or take some out of data.columns where they are ignored.",
  },
  {
    name: "a text for a regression",
    given: config(REGRESSION),
    says: 'data.csv:2 column y must be a number, got "no".\nCorrect the cell, or set data.task: classification to predict labels.',
  },
  {
    name: "a single class",
    given: (write) => write("data.csv", DATA.replaceAll("yes", "no")),
    says: "data.csv column y must be a target with at least 2 different values, got 1 value in 8 rows.\nThere is nothing to learn from a constant target.",
  },
  {
    name: "a class with one row under a stratified split",
    given: data(["3.0,4,green,yes", "3.0,4,green,perhaps"]),
    says: 'data.csv:9 column y must be a class of at least 2 rows for a stratified split, got "perhaps" in 1 row.\nAdd rows of that class, take it out, or set data.split.stratify: false.',
  },
  {
    name: "a single row",
    given: (write) => {
      write("data.csv", DATA.split("\n", 2).join("\n"));
      config([TASK, "task: classification"])(write);
    },
    says: "data.csv column y must be a target with at least 2 different values, got 1 value in 1 rows.\nThere is nothing to learn from a constant target.",
  },
  {
    name: "strata of numbers",
    given: config(
      [TASK, `${TASK.replace("classification", "regression")}`],
      ["target: y", "target: a"],
    ),
    says: "x.yaml:7:34 data.split.stratify must be false for regression, got true.\nThere are no classes to keep in balance.",
  },
];

const OPTIONS: readonly Case[] = [
  {
    name: "no workers",
    args: ["run", "x.yaml", "--workers", "0"],
    says: '--workers must be a whole number from 1 to 1024, got "0".',
  },
  {
    name: "half a worker",
    args: ["run", "x.yaml", "--workers", "1.5"],
    says: '--workers must be a whole number from 1 to 1024, got "1.5".',
  },
  {
    name: "a word for a number",
    args: ["run", "x.yaml", "--workers", "two"],
    says: '--workers must be a whole number from 1 to 1024, got "two".',
  },
  {
    name: "a negative seed",
    args: ["run", "x.yaml", "--seed", "-1"],
    says: '--seed must be a whole number >= 0, got "-1".',
  },
  {
    name: "an unknown executor",
    args: ["run", "x.yaml", "--executor", "cloud"],
    says: '--executor must be one of inline, threads, nats, got "cloud".\nSee manyfold run --help.',
  },
  {
    name: "an unknown backend",
    args: ["run", "x.yaml", "--backend", "cuda"],
    says: '--backend must be one of wasm, js, blas, got "cuda".\nSee manyfold run --help.',
  },
  {
    name: "an unknown kernel",
    args: ["run", "x.yaml", "--kernel", "fast"],
    says: '--kernel must be one of plain, fma, got "fast".\nSee manyfold run --help.',
  },
  {
    name: "an unknown option",
    args: ["run", "x.yaml", "--wrokers", "2"],
    says: 'option must be one that manyfold run has, got "--wrokers".\nDid you mean --workers?',
  },
  {
    name: "an option without its value",
    args: ["run", "x.yaml", "--workers"],
    says: "--workers must be followed by a value, got nothing.\nSee manyfold run --help.",
  },
  {
    name: "no configuration",
    args: ["run"],
    says: "<config> of manyfold run must be given, got nothing.\nSee manyfold run --help.",
  },
  {
    name: "two configurations",
    args: ["run", "x.yaml", "x.yaml"],
    says: "arguments of manyfold run must be at most 1, got 2.\nSee manyfold run --help.",
  },
  {
    name: "an unknown command",
    args: ["rnu", "x.yaml"],
    says: 'command must be one that manyfold has, got "rnu".\nDid you mean run?',
  },
  {
    name: "a target left out",
    args: ["analyze", "data.csv"],
    says: "--target must be given, got nothing.\nSee manyfold analyze --help.",
  },
  {
    name: "a port that is none",
    args: ["serve", "run/artifact", "--port", "99999"],
    says: '--port must be a whole number from 0 to 65535, got "99999".',
  },
  {
    name: "a file for the folder of runs",
    args: ["run", "x.yaml", "--out", "data.csv"],
    says: "data.csv must be a place that can be written to, got a path that leads through a file.\nName another place, or change its permissions.",
  },
  {
    name: "a folder of runs below a file",
    args: ["run", "x.yaml", "--out", "data.csv/runs"],
    says: "data.csv/runs must be a place that can be written to, got a path that leads through a file.\nName another place, or change its permissions.",
  },
  {
    name: "a folder of runs where nobody may write",
    args: ["run", "x.yaml", "--out", "/proc/manyfold"],
    says: "/proc/manyfold must be a place that can be written to, got nothing there.\nName another place, or change its permissions.",
  },
];

const journal =
  (change: (bytes: Buffer, frames: number[]) => Uint8Array | string) =>
  (write: Write, folder: string) => {
    const path = join(folder, "run/journal.log");
    write("run/journal.log", change(readFileSync(path), framesOf(path)));
  };

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

const RUNS: readonly Case[] = [
  {
    name: "no such run",
    args: ["resume", "runs/none"],
    says: "runs/none/journal.log must be the journal of a run, got nothing there.\nIt is RUN_DIR/journal.log.",
  },
  {
    name: "a folder that is no run",
    args: ["resume", "."],
    says: "journal.log must be the journal of a run, got nothing there.\nIt is RUN_DIR/journal.log.",
  },
  {
    name: "a file for a run",
    args: ["resume", "x.yaml"],
    says: "x.yaml/journal.log must be the journal of a run, got a path that leads through a file.\nIt is RUN_DIR/journal.log.",
  },
  {
    name: "an empty journal",
    args: ["resume", "run"],
    given: journal((bytes, frames) => bytes.subarray(0, frames[0])),
    says: "run/journal.log must be a journal with at least one record, got an empty one.\nThe run was stopped before it began; start it again with manyfold run.",
  },
  {
    name: "another file for a journal",
    args: ["resume", "run"],
    given: journal(() => DATA),
    says: 'run/journal.log must be a journal of Manyfold, got bytes that begin with "a,b,color,y\\n1.5,2,r".\nIt is RUN_DIR/journal.log.',
  },
  {
    name: "a journal of a newer version",
    args: ["resume", "run"],
    given: journal((bytes) => edit(bytes.toString("latin1"), "journal 1\n", "journal 2\n")),
    says: "run/journal.log must be a journal of version 1, got 2.\nIt was written by a newer Manyfold: update this one.",
  },
  {
    name: "a journal damaged in its middle",
    args: ["resume", "run"],
    given: journal((bytes, frames) => flipped(bytes, (frames[1] ?? 0) + 40)),
    says: "run/journal.log at offset N must be a record of this version of Manyfold, got damaged bytes before offset N.\nThe file was changed after it was written: restore it from a copy, or start a new run.",
  },
  {
    name: "a journal without its beginning",
    args: ["resume", "run"],
    given: journal((bytes, frames) =>
      Buffer.concat([bytes.subarray(0, frames[0]), bytes.subarray(frames[1])]),
    ),
    says: "journal.log must be a journal whose first record is created, got completed.\nThe file was not written by manyfold, or its beginning is missing.",
  },
  {
    name: "a journal that somebody else writes",
    args: ["resume", "run"],
    given: (write) =>
      write(
        "run/journal.log.lock",
        JSON.stringify({
          pid: 4711,
          host: "elsewhere",
          start: null,
          token: "00000000-0000-4000-8000-000000000000",
        }),
      ),
    says: "run/journal.log must be written by one process at a time, got a lock of process 4711 on elsewhere.\nWait for it or stop it; if it is gone for certain, delete run/journal.log.lock.",
  },
  {
    name: "fewer members than there are",
    args: ["resume", "run", "--members", "1"],
    says: "--members must be at least the run's 2, got 1.\nA run can grow; what it has done is not taken back.",
  },
  {
    name: "more trials of no search",
    args: ["resume", "run", "--trials", "9"],
    says: "--trials must be left out but for a search with trials, got 9.",
  },
  {
    name: "no such folder of runs",
    args: ["runs", "none"],
    says: "none must be a folder of runs, got none that can be read.\nmanyfold run makes one; the default is runs.",
  },
  {
    name: "a report of no run",
    args: ["report", "."],
    says: "report.json must be the report of a finished run, got no such file.\nmanyfold resume brings a stopped run to its end, and its report with it.",
  },
  {
    name: "a report that is none",
    args: ["report", "run"],
    given: (write) => write("run/report.json", "{}"),
    says: "run/report.json must be a report that this version of manyfold wrote, got another document.",
  },
];

const manifest = (from: string, to: string) => (write: Write, folder: string) => {
  const path = "run/artifact/manifest.json";
  write(path, edit(readFileSync(join(folder, path), "utf8"), from, to));
};
const weights = (change: (bytes: Buffer) => Uint8Array) => (write: Write, folder: string) => {
  const path = "run/artifact/weights.safetensors";
  write(path, change(readFileSync(join(folder, path))));
};
const remove = (name: string) => (_: Write, folder: string) => rmSync(join(folder, name));

const PREDICT = ["predict", "run/artifact", "data.csv"];
const ARTIFACT: readonly Case[] = [
  {
    name: "no such artifact",
    args: ["predict", "none", "data.csv"],
    says: "none must be an artifact folder, got nothing there.\nAn artifact is the folder that a run leaves as RUN_DIR/artifact.",
  },
  {
    name: "a file for an artifact",
    args: ["predict", "x.yaml", "data.csv"],
    says: "x.yaml must be an artifact folder, got a file.\nAn artifact is the folder that a run leaves as RUN_DIR/artifact.",
  },
  {
    name: "a run for its artifact",
    args: ["predict", "run", "data.csv"],
    says: "run/manifest.json must be a file of the artifact, got nothing there.\nDid you mean run/artifact?",
  },
  {
    name: "no manifest",
    args: PREDICT,
    given: remove("run/artifact/manifest.json"),
    says: "run/artifact/manifest.json must be a file of the artifact, got nothing there.\nAn artifact is the folder that a run leaves as RUN_DIR/artifact.",
  },
  {
    name: "no weights",
    args: PREDICT,
    given: remove("run/artifact/weights.safetensors"),
    says: "run/artifact/weights.safetensors must be a file of the artifact, got nothing there.\nAn artifact is the folder that a run leaves as RUN_DIR/artifact.",
  },
  {
    name: "a truncated manifest",
    args: PREDICT,
    given: (write, folder) =>
      write(
        "run/artifact/manifest.json",
        readFileSync(join(folder, "run/artifact/manifest.json")).subarray(0, 500),
      ),
    says: "run/artifact/manifest.json must be a complete JSON document.\nThe artifact is damaged or was changed; copy it again or run the experiment again.",
  },
  {
    name: "truncated weights",
    args: PREDICT,
    given: weights((bytes) => bytes.subarray(0, -1)),
    says: "run/artifact/weights.safetensors must be 888 bytes long, as the manifest says, got 887.\nThe artifact is damaged or was changed; copy it again or run the experiment again.",
  },
  {
    name: "weights with a flipped bit",
    args: PREDICT,
    given: weights((bytes) => flipped(bytes, bytes.length - 3)),
    says: "run/artifact/weights.safetensors must be of sha256 HASH, as the manifest says, got HASH.\nThe artifact is damaged or was changed; copy it again or run the experiment again.",
  },
  {
    name: "weights of another ensemble",
    args: PREDICT,
    given: manifest('"weights":{"bytes":', '"weights":{"bytes":1'),
    says: "run/artifact/weights.safetensors must be 1888 bytes long, as the manifest says, got 888.\nThe artifact is damaged or was changed; copy it again or run the experiment again.",
  },
  {
    name: "a newer manifest",
    args: PREDICT,
    given: manifest('"version":1', '"version":2'),
    says: "run/artifact/manifest.json version must be at most 1, got 2.\nA newer version of manyfold wrote this artifact; update manyfold to read it.",
  },
  {
    name: "a manifest of something else",
    args: PREDICT,
    given: manifest("manyfold-ensemble", "other"),
    says: 'run/artifact/manifest.json must be a manifest with format "manyfold-ensemble", got "other".\nThe artifact is damaged or was changed; copy it again or run the experiment again.',
  },
  {
    name: "a manifest with another model",
    args: PREDICT,
    given: manifest('"units":3', '"units":4'),
    says: "run/artifact/weights.safetensors must be a file with a tensor networks.0.layers.0.dense.weight of shape [5,4], got [5,3].\nThe artifact is damaged or was changed; copy it again or run the experiment again.",
  },
  {
    name: "a manifest without a part",
    args: PREDICT,
    given: manifest('"preprocessing"', '"processing"'),
    says: "run/artifact/manifest.json preprocessing must be an object with inputs, target, width, got nothing.\nThe artifact is damaged or was changed; copy it again or run the experiment again.",
  },
  {
    name: "a manifest with another width",
    args: PREDICT,
    given: manifest('"width":5', '"width":6'),
    says: "run/artifact/manifest.json preprocessing.width must be 5, as its inputs, got 6.\nThe artifact is damaged or was changed; copy it again or run the experiment again.",
  },
  {
    name: "a damaged artifact that is served",
    args: ["serve", "run/artifact", "--port", "0"],
    given: weights((bytes) => flipped(bytes, bytes.length - 3)),
    says: "run/artifact/weights.safetensors must be of sha256 HASH, as the manifest says, got HASH.\nThe artifact is damaged or was changed; copy it again or run the experiment again.",
  },
  {
    name: "no such data",
    args: ["predict", "run/artifact", "none.csv"],
    says: "none.csv must be a readable file, got nothing there.\nPaths in a configuration are relative to it.",
  },
  {
    name: "empty data",
    args: PREDICT,
    given: (write) => write("data.csv", ""),
    says: "data.csv must be a CSV file with a header row, got an empty file.\nIs it the right file?",
  },
  {
    name: "a missing column",
    args: PREDICT,
    given: data(["a,b,color", "a,c,color"]),
    says: "data.csv must be given with a value for the input b, got the columns a, c, color, y.\nIs a meant for it?",
  },
  {
    name: "a text for a number",
    args: PREDICT,
    given: data(["0.5,1,", "0.5,one,"]),
    says: 'data.csv:4 column b must be a number, got "one".\nThe column was numeric in training; leave the cell empty where the value is missing.',
  },
  {
    name: "infinity for a number",
    args: PREDICT,
    given: data(["0.5,1,", "0.5,inf,"]),
    says: 'data.csv:4 column b must be finite, got "inf".\nLeave a cell empty (null in JSON) where a value is missing.',
  },
  {
    name: "a ragged row",
    args: PREDICT,
    given: data(["0.5,1,red,no", "0.5,1"]),
    says: "data.csv:4 must be a row of 4 cells, as the header, got 2.\nPut a cell that holds the delimiter in quotes; leave an empty cell for a missing value.",
  },
  {
    name: "a folder for the output",
    args: [...PREDICT, "--out", "run"],
    says: "run must be a place that can be written to, got a folder.\nName another place, or change its permissions.",
  },
  {
    name: "an output in no folder",
    args: [...PREDICT, "--out", "none/out.csv"],
    says: "none/out.csv must be a place that can be written to, got nothing there.\nName another place, or change its permissions.",
  },
];

const ANALYZE = ["analyze", "run/predictions.csv", "--target"];
const predictions = (from: string, to: string) => (write: Write, folder: string) => {
  const path = "run/predictions.csv";
  write(path, edit(readFileSync(join(folder, path), "utf8"), from, to));
};
const ANALYSIS: readonly Case[] = [
  {
    name: "no predictions",
    args: ["analyze", "none.csv", "--target", "y"],
    says: "none.csv must be a readable file, got nothing there.\nPaths in a configuration are relative to it.",
  },
  {
    name: "an unknown target",
    args: [...ANALYZE, "tarket"],
    says: '--target must be a column of run/predictions.csv, got "tarket".\nDid you mean target?',
  },
  {
    name: "a table without members",
    args: ["analyze", "only.csv", "--target", "y"],
    given: (write) => write("only.csv", "y\n1\n2\n"),
    says: "only.csv must be a table with a column per member besides the truth, got the columns y.",
  },
  {
    name: "a member without a class",
    args: [...ANALYZE, "target"],
    given: predictions("member_1.no", "member_1.maybe"),
    says: "run/predictions.csv must be a table with the column member_0.maybe, got none of that name.\nEvery member needs a column per class, or per target.",
  },
  {
    name: "a text for a prediction",
    args: ["analyze", "p.csv", "--target", "y"],
    given: (write) => write("p.csv", "y,member_0,member_1\n1,1,2\n2,one,3\n"),
    says: 'p.csv:3 column member_0 must be a finite number, got "one".',
  },
  {
    name: "rows that are of no kind",
    args: [...ANALYZE, "target", "--rows", "train"],
    says: '--rows must be one of test, validation, out-of-bag, got "train".\nSee manyfold analyze --help.',
  },
  {
    name: "a file for the folder of an analysis",
    args: [...ANALYZE, "target", "--out", "data.csv/x"],
    says: "data.csv/x must be a place that can be written to, got a path that leads through a file.\nName another place, or change its permissions.",
  },
  {
    name: "a member without a class in a row",
    args: ["analyze", "p.csv", "--target", "y"],
    given: (write) => write("p.csv", "y,a,b\nno,no,yes\nyes,,no\n"),
    says: "p.csv:3 column a must be a class, got nothing.",
  },
  {
    name: "a coverage of an artifact without intervals",
    args: ["predict", "run/artifact", "data.csv", "--coverage", "0.9"],
    says: "coverage must be left out, since the ensemble was made without ensemble.conformal, got 0.9.",
  },
  {
    name: "a coverage that is none",
    args: ["predict", "run/artifact", "data.csv", "--coverage", "90"],
    says: '--coverage must be a number above 0 and below 1, got "90".',
  },
  {
    name: "an infinite prediction",
    args: ["analyze", "p.csv", "--target", "y"],
    given: (write) => write("p.csv", "y,member_0,member_1\n1,1,2\n2,Infinity,3\n"),
    says: 'p.csv:3 column member_0 must be a finite number, got "Infinity".',
  },
];

const GOOD = ["run", "x.yaml"];

const folder = temporaryFolder();

/** A new folder in which all is well. */
function goodFolder(name: string): string {
  const own = join(folder, name.replaceAll(/[^a-z]+/gi, "-"));
  mkdirSync(own);
  writeFileSync(join(own, "x.yaml"), CONFIG);
  writeFileSync(join(own, "data.csv"), DATA);
  return own;
}

let goodRun: string;
beforeAll(async () => {
  const cwd = goodFolder("good");
  const outcome = await manyfold(["run", "x.yaml", "--executor", "inline", "--json"], { cwd });
  if (outcome.code !== 0) throw new Error(outcome.stderr);
  goodRun = onlyRun(join(cwd, "runs"));
});

describe.each([
  { about: "configuration", cases: CONFIGURATION, withRun: false },
  { about: "data", cases: DATASET, withRun: false },
  { about: "options", cases: OPTIONS, withRun: false },
  { about: "runs", cases: RUNS, withRun: true },
  { about: "artifacts and what is to be predicted", cases: ARTIFACT, withRun: true },
  { about: "predictions to be analysed", cases: ANALYSIS, withRun: true },
])("$about", ({ about, cases, withRun }) => {
  /** A folder of a case, and whether nothing in it has changed since. */
  function folderOf({ name, given }: Case, form: string) {
    const cwd = goodFolder(`${about} ${name} ${form}`);
    if (withRun) cpSync(goodRun, join(cwd, "run"), { recursive: true });
    given?.((file, content) => writeFileSync(join(cwd, file), content), cwd);
    const before = contents(cwd);
    return { cwd, expectAsBefore: () => expect(contents(cwd)).toEqual(before) };
  }

  test.concurrent.each(cases)("$name", async (each) => {
    const { args = GOOD, says } = each;
    const { cwd, expectAsBefore } = folderOf(each, "text");
    const outcome = await manyfold(args, { cwd });
    expect({ ...outcome, stderr: plain(outcome.stderr) }).toEqual({
      code: 2,
      signal: null,
      stdout: "",
      stderr: `error: ${says}\n`,
    });
    expect(says).toMatch(/^\S.* must be .+\.(\n|$)/);
    expectAsBefore();
  });

  // The words are the same; a part of the cases shows that.
  const some = cases.filter((_, index) => index % 4 === 0 || cases === OPTIONS);
  test.concurrent.each(some)("$name, as a document", async (each) => {
    const { args = GOOD, says } = each;
    const { cwd, expectAsBefore } = folderOf(each, "json");
    const [command = "", ...others] = args;
    const outcome = await manyfold([command, "--json", ...others], { cwd });
    expect(outcome).toMatchObject({ code: 2, signal: null, stderr: "" });
    expect(outcome.stdout).toMatch(/^[^\n]+\n$/);
    const { error } = ErrorDocument.parse(JSON.parse(outcome.stdout));
    expect(plain(error.message)).toBe(says);
    expect(says.startsWith(plain(error.path))).toBe(true);
    expectAsBefore();
  });
});

/** Without what differs from run to run (offsets in a journal that holds times) and hashes. */
function plain(text: string): string {
  return text.replaceAll(/\b[0-9a-f]{64}\b/g, "HASH").replaceAll(/offset \d+/g, "offset N");
}

/** Everything below a folder: files with what is in them, and folders. */
function contents(of: string): Record<string, string> {
  const entries = readdirSync(of, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path, entry.isDirectory() ? "folder" : readFileSync(path, "latin1")];
    }),
  );
}
