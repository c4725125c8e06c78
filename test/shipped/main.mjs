// The program as it is built and given to people, command by command: the tests start one that they
// bundle themselves, from the sources, and know nothing of what the build may do to it.
//
//   node test/shipped/main.mjs
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const program = join(root, "apps/cli/bin/manyfold.js");
const folder = mkdtempSync(join(tmpdir(), "manyfold-shipped-"));
const data = join(root, "configs/data/iris.csv");
const config = join(root, "configs/iris-tiny.yaml");
const search = join(root, "configs/digits-asha.yaml");

/** Ends with 0, or says what was printed. */
function manyfold(...args) {
  const from = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  console.log(`manyfold ${args[0]}: ${status}, ${seconds} s`);
  if (status !== 0) throw new Error(`manyfold ${args.join(" ")}\n${stdout}${stderr}`);
  return stdout;
}

function require(truth, what) {
  if (!truth) throw new Error(`${what} is not so.`);
}

/** Starts a server, has it asked, and ends it as people do. */
async function served(args, ask) {
  const server = spawn(process.execPath, [program, ...args, "--port", "0"], { cwd: folder });
  const ended = new Promise((done) => server.once("close", done));
  const url = await new Promise((done, fail) => {
    let said = "";
    server.stderr.setEncoding("utf8").on("data", (text) => {
      said += text;
      const found = /http:\S+/.exec(said);
      if (found) done(found[0]);
    });
    server.once("exit", () => fail(new Error(`manyfold ${args[0]}: ${said}`)));
  });
  await ask(url);
  server.kill("SIGINT");
  require((await ended) === 0, `${args[0]} ends with 0`);
  console.log(`manyfold ${args[0]}: 0`);
}

async function predicts(url) {
  const csv = { method: "POST", headers: { "content-type": "text/csv" }, body: readFileSync(data) };
  const answer = await fetch(`${url}/predict`, csv);
  const lines = (await answer.text()).trimEnd().split("\n").length;
  require(answer.status === 200 && lines === 151, "serve answers 150 rows");
  for (const path of ["/", "/model", "/docs", "/docs/json", "/healthz", "/metrics"]) {
    const { status } = await fetch(url + path);
    require(status === 200, `serve answers ${path}`);
  }
}

async function follows(url) {
  for (const path of ["/", "/page.js", "/page.css"]) {
    const { status } = await fetch(url + path);
    require(status === 200, `ui answers ${path}`);
  }
  const { body } = await fetch(`${url}/api/runs`);
  let text = "";
  for await (const piece of body) {
    text += Buffer.from(piece).toString();
    if (text.includes("iris-tiny")) break;
  }
  require(text.includes("event: runs"), "ui tells of the runs");
}

try {
  const { runDir, status } = JSON.parse(manyfold("run", config, "--out", "runs", "--json"));
  require(status === "done", "the run is done");
  const artifact = join(runDir, "artifact");
  require(existsSync(join(runDir, "report.html")), "there is a report");
  manyfold("plan", config);
  manyfold("runs", "runs");
  manyfold("resume", runDir);
  manyfold("report", runDir);
  manyfold("predict", artifact, data, "--out", "predictions.csv");
  manyfold("analyze", join(runDir, "predictions.csv"), "--target", "target");
  manyfold("explain", config);
  manyfold("lecture", "A1");
  manyfold("schema");
  manyfold("doctor");
  for (const format of ["web", "onnx"]) {
    manyfold("export", artifact, "--format", format, "--out", `ensemble.${format}`);
    require(statSync(join(folder, `ensemble.${format}`)).size > 1000, `${format} holds something`);
  }
  const found = JSON.parse(manyfold("run", search, "--out", "runs", "--workers", "2", "--json"));
  require(found.status === "done", "the search is done");
  require(manyfold("trials", found.runDir).startsWith("trial,state,value"), "trials are a table");
  require(manyfold("why", found.runDir, "3").includes("Proposed by tpe"), "a trial is explained");
  await served(["serve", artifact], predicts);
  await served(["ui", "runs"], follows);
  console.log("Everything works as built.");
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
