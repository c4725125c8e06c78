// An ensemble exported as ONNX behind fastify and onnxruntime-node, as one would write it by hand:
// rows in as JSON, label, probabilities and spread out. Prints its address.
//
//   node serve-onnx.mjs FOLDER MODEL CLASSES
//
// FOLDER has onnxruntime-node in its node_modules: it downloads when it is installed, so that it is
// no dependency of the project. CLASSES are the labels, separated by commas.
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fastify } from "fastify";

const [folder = "", model = "", labels = ""] = process.argv.slice(2);
const { InferenceSession, Tensor } = createRequire(join(resolve(folder), "package.json"))(
  "onnxruntime-node",
);
const classes = labels.split(",");
// One thread, as ours has.
const session = await InferenceSession.create(model, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  graphOptimizationLevel: "all",
});
const wanted = ["values", "spread", "label"];

const app = fastify();
app.post("/predict", async (request) => {
  const { rows } = request.body;
  const feeds = {};
  for (const name of session.inputNames) {
    const column = Float64Array.from(rows, (row) => {
      if (typeof row[name] !== "number") throw new TypeError(`${name} must be a number.`);
      return row[name];
    });
    feeds[name] = new Tensor("float64", column, [rows.length, 1]);
  }
  const { values, spread, label } = await session.run(feeds, wanted);
  const predictions = rows.map((_, row) => {
    const probabilities = {};
    for (let i = 0; i < classes.length; i++) {
      probabilities[classes[i]] = values.data[row * classes.length + i];
    }
    return { label: label.data[row], probabilities, spread: spread.data[row] };
  });
  return { predictions };
});
console.log(await app.listen({ port: 0, host: "127.0.0.1" }));
