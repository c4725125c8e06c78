/**
 * Requests of one row a second, ours against the same ensemble behind onnxruntime-node and the same
 * HTTP framework, in interleaved rounds; then the slowest per cent at half of our rate.
 *
 *     npm install --prefix FOLDER onnxruntime-node autocannon
 *     npm run evidence -- serve-load ARTIFACT --onnxruntime FOLDER [--rounds 5] [--seconds 4]
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request as send } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { keep } from "./experiments.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    onnxruntime: { type: "string", default: "." },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
  },
});
const [artifact = ""] = positionals;
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
const program = resolve("apps/cli/bin/manyfold.js");
const folder = mkdtempSync(join(tmpdir(), "manyfold-evidence-"));
const model = join(folder, "model.onnx");
execFileSync(process.execPath, [program, "export", artifact, "--format", "onnx", "--out", model]);

const servers: ChildProcess[] = [];

/** Starts a server; its address is the first that it prints. */
async function start(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  servers.push(child);
  return new Promise((done, fail) => {
    let said = "";
    const hear = (text: Buffer): void => {
      said += text.toString();
      const [found] = /http:\S+/.exec(said) ?? [];
      if (found !== undefined) done(found);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("exit", () => fail(new Error(said)));
  });
}

interface Told {
  readonly inputs: readonly { readonly name: string; readonly impute: number }[];
  readonly target: { readonly classes: readonly string[] };
}
interface Answer {
  readonly predictions: readonly {
    readonly label: string;
    readonly spread: number;
    readonly probabilities: { readonly [label: string]: number };
  }[];
}

async function post(url: string, body: string): Promise<Answer["predictions"][0]> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${url}/predict`, { method: "POST", headers, body });
  const [first] = ((await answer.json()) as Answer).predictions;
  if (first === undefined) throw new Error(`${url} answers nothing`);
  return first;
}

interface Load {
  readonly requests: { readonly average: number; readonly total: number };
  readonly non2xx: number;
  readonly errors: number;
}

/** Sends requests for some seconds, as fast as they are answered. */
async function load(url: string, body: string): Promise<Load> {
  const cannon = join(resolve(options.onnxruntime), "node_modules/autocannon/autocannon.js");
  const args = ["--json", "--connections", "32", "--duration", String(seconds)];
  const request = ["--method", "POST", "--headers", "content-type=application/json"];
  const child = spawn(process.execPath, [
    cannon,
    ...args,
    ...request,
    "--body",
    body,
    `${url}/predict`,
  ]);
  let stdout = "";
  child.stdout.on("data", (text: Buffer) => (stdout += text.toString()));
  await new Promise((done) => child.once("close", done));
  const result = JSON.parse(stdout) as Load;
  if (result.non2xx + result.errors > 0) throw new Error(`${url}: ${stdout}`);
  return result;
}

/**
 * Milliseconds that requests take which come evenly at a rate, whether or not others have been
 * answered; each counted from when it was due.
 */
async function paced(url: string, body: string, rate: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const ask = (due: number): Promise<number> =>
    new Promise((done, fail) => {
      const sent = send(`${url}/predict`, { method: "POST", agent, headers }, (answer) => {
        answer.resume().once("end", () => done(performance.now() - due));
      });
      sent.once("error", fail).end(body);
    });
  const answers: Promise<number>[] = [];
  const from = performance.now();
  for (let next = 0; next < rate * seconds; await new Promise(setImmediate)) {
    for (; next < rate * seconds; next++) {
      const due = from + (next / rate) * 1000;
      if (due > performance.now()) break;
      answers.push(ask(due));
    }
  }
  const times = await Promise.all(answers);
  agent.destroy();
  return times.toSorted((a, b) => a - b);
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const rounded = (value: number): number => Number(value.toPrecision(4));

try {
  const ours = await start(program, "serve", artifact, "--port", "0");
  const told = (await (await fetch(`${ours}/model`)).json()) as Told;
  const peer = await start(
    join(import.meta.dirname, "peers/serve-onnx.mjs"),
    options.onnxruntime,
    model,
    told.target.classes.join(","),
  );
  const row = Object.fromEntries(told.inputs.map(({ name, impute }) => [name, impute]));
  const body = JSON.stringify({ rows: [row] });
  const [one, other] = [await post(ours, body), await post(peer, body)];
  const apart = Math.max(
    Math.abs(one.spread - other.spread),
    ...told.target.classes.map((name) =>
      Math.abs((one.probabilities[name] ?? NaN) - (other.probabilities[name] ?? NaN)),
    ),
  );
  const rates: { ours: number; peer: number }[] = [];
  for (let round = 0; round <= rounds; round++) {
    const first = await load(ours, body);
    const second = await load(peer, body);
    // The first round warms both up.
    if (round === 0) continue;
    rates.push({ ours: first.requests.average, peer: second.requests.average });
    console.log(
      `round ${round}: ${first.requests.average} requests/s against ${second.requests.average}`,
    );
  }
  const ratio = median(rates.map((each) => each.ours / each.peer));
  const half = median(rates.map((each) => each.ours)) / 2;
  await paced(ours, body, half);
  const times = await paced(ours, body, half);
  const at = (share: number): number => rounded(times[Math.floor(share * times.length)] ?? NaN);
  const milliseconds = { p50: at(0.5), p99: at(0.99), p999: at(0.999) };
  const verdicts = {
    "both answer the same": apart < 1e-5 && one.label === other.label,
    "at least twice the requests": ratio >= 2,
    "p99 under 10 ms at half of the rate": milliseconds.p99 < 10,
  };
  const result = {
    rates,
    ratio: rounded(ratio),
    half: rounded(half),
    milliseconds,
    apart,
    verdicts,
  };
  console.log(JSON.stringify(result, null, 2));
  keep("serve-load", result);
  process.exitCode = Object.values(verdicts).every(Boolean) ? 0 : 1;
} finally {
  for (const server of servers) server.kill("SIGINT");
  rmSync(folder, { recursive: true, force: true });
}
