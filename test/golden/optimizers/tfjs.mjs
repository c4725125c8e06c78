/*
 * The trainings of trajectories.json by TensorFlow.js: the same initial weights, rows and batches,
 * the weights after 1, 10 and 50 steps.
 *
 * node tfjs.mjs > tfjs.json    (TensorFlow.js 4.22, by `npm install @tensorflow/tfjs`; NODE_PATH)
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const tf = require("@tensorflow/tfjs");
await tf.setBackend("cpu");

const golden = JSON.parse(readFileSync(new URL("trajectories.json", import.meta.url), "utf8"));
const { inputs, hidden, classes } = golden.shape;
const MARKS = [1, 10, 50];

function path(make) {
  let at = 0;
  const parameters = [[inputs, hidden], [hidden], [hidden, classes], [classes]].map((shape) => {
    const size = shape.reduce((a, b) => a * b);
    at += size;
    return tf.variable(tf.tensor(golden.start.slice(at - size, at), shape));
  });
  const [w1, b1, w2, b2] = parameters;
  const optimizer = make();
  const marks = {};
  for (const [step, rows] of golden.batches.entries()) {
    const x = tf.tensor2d(
      rows.map((row) => golden.x.slice(row * inputs, (row + 1) * inputs)),
      [rows.length, inputs],
    );
    const y = tf.oneHot(
      tf.tensor1d(
        rows.map((row) => golden.y[row]),
        "int32",
      ),
      classes,
    );
    optimizer.minimize(
      () => {
        const logits = x.matMul(w1).add(b1).tanh().matMul(w2).add(b2);
        return tf.losses.softmaxCrossEntropy(y, logits);
      },
      false,
      parameters,
    );
    if (MARKS.includes(step + 1)) {
      marks[step + 1] = parameters.flatMap((one) => Array.from(one.dataSync()));
    }
  }
  return marks;
}

// Rates as the defaults of its layers; the rest is what `tf.train` does by itself.
const trajectories = {
  "tfjs-sgd": path(() => tf.train.sgd(0.01)),
  "tfjs-adagrad": path(() => tf.train.adagrad(0.01)),
  "tfjs-rmsprop": path(() => tf.train.rmsprop(0.001)),
  "tfjs-adam": path(() => tf.train.adam(0.001)),
};
process.stdout.write(JSON.stringify({ versions: { tfjs: tf.version.tfjs }, trajectories }));
