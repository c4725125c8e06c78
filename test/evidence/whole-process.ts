// `manyfold run configs/digits-bagging.yaml` on two threads, as built and as a user starts it, against
// scikit-learn's bag of the same size with two jobs: whole processes, interleaved. Then two threads of
// one process against two processes, and what a training holds in memory against what its plan said.
//
//   npm run evidence -- whole-process --peers FOLDER [--node PATH ...] [--rounds 5] [--python PATH]
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { readJournal } from "@manyfold/files";
import { parse, stringify } from "yaml";
import { keep } from "./experiments.ts";

const { values: options } = parseArgs({
  options: {
    peers: { type: "string", default: "" },
    python: { type: "string", default: "/usr/bin/python3" },
    node: { type: "string", multiple: true, default: [] },
    rounds: { type: "string", default: "5" },
  },
});
const rounds = Number(options.rounds);
const program = resolve("apps/cli/bin/manyfold.js");
const folder = mkdtempSync(join(tmpdir(), "manyfold-evidence-"));

interface Taken {
  /** Seconds on the wall, from start to end of the process. */
  readonly wall: number;
  /** Seconds of processor time of the process and its children. */
  readonly cpu: number;
  readonly stdout: string;
}

/** Runs a command to its end. The shell's `times` tells what its children took. */
async function timed(command: string, args: readonly string[]): Promise<Taken> {
  const from = performance.now();
  const child = spawn("sh", ["-c", '"$0" "$@" && times >&2', command, ...args]);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (text: Buffer) => (stdout += text.toString()));
  child.stderr.on("data", (text: Buffer) => (stderr += text.toString()));
  const code = await new Promise<number | null>((done) => child.on("close", done));
  const wall = (performance.now() - from) / 1000;
  if (code !== 0)
    throw new Error(`${command} ${args.join(" ")} ended with ${code}.\n${stderr}${stdout}`);
  const last = stderr.trimEnd().split("\n").at(-1) ?? "";
  const cpu = [...last.matchAll(/(\d+)m([\d.]+)s/g)]
    .map(([, minutes, seconds]) => 60 * Number(minutes) + Number(seconds))
    .reduce((sum, each) => sum + each, 0);
  return { wall, cpu, stdout };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const rounded = (value: number): number => Number(value.toPrecision(4));

function runOf(config: string, out: string, workers: number): string[] {
  return [program, "run", config, "--out", join(folder, out), "--workers", `${workers}`, "--json"];
}

/** The version of a Node, as `20`. */
async function majorOf(node: string): Promise<number> {
  return Number((await timed(node, ["--version"])).stdout.slice(1).split(".")[0]);
}

const nodes: { path: string; major: number; taken: Taken[]; ledgers: Set<string> }[] = [];
for (const path of [process.execPath, ...options.node]) {
  nodes.push({ path, major: await majorOf(path), taken: [], ledgers: new Set() });
}
const peer: (Taken & { own: number })[] = [];
for (let round = 0; round < rounds; round++) {
  for (const { path, taken, ledgers } of nodes) {
    const one = await timed(path, runOf("configs/digits-bagging.yaml", "whole", 2));
    ledgers.add((JSON.parse(one.stdout) as { ledger: string }).ledger);
    taken.push(one);
  }
  if (options.peers === "") continue;
  const one = await timed(options.python, [join(options.peers, "bag_sklearn.py"), "2"]);
  peer.push({ ...one, own: (JSON.parse(one.stdout) as { seconds: number }).seconds });
}

/** Least factor over scikit-learn's whole process, by version of Node. */
const targetOf = (major: number): number => (major >= 24 ? 6 : 3);
const whole = nodes.map(({ major, taken, ledgers }) => {
  const wall = median(taken.map((one) => one.wall));
  const cpu = median(taken.map((one) => one.cpu));
  const timesFaster = peer.length === 0 ? null : rounded(median(peer.map((p) => p.wall)) / wall);
  return {
    node: major,
    wallSeconds: rounded(wall),
    cpuSeconds: rounded(cpu),
    timesFasterThanWholeProcess: timesFaster,
    timesFasterThanItsFit:
      peer.length === 0 ? null : rounded(median(peer.map((p) => p.own)) / wall),
    timesLessProcessor: peer.length === 0 ? null : rounded(median(peer.map((p) => p.cpu)) / cpu),
    target: targetOf(major),
    holds: timesFaster === null ? null : timesFaster >= targetOf(major),
    ledgers: [...ledgers],
  };
});

/** Members a second between the first `skip` results and the last one, by the journal's own times. */
async function rateOf(out: string, skip: number): Promise<number> {
  const [run] = readdirSync(join(folder, out));
  if (run === undefined) throw new Error(`There is no run in ${out}.`);
  const times: number[] = [];
  for await (const record of readJournal(join(folder, out, run, "journal.log"))) {
    if (record.type === "completed") times.push(record.time);
  }
  const [first, last] = [times[skip - 1], times.at(-1)];
  if (first === undefined || last === undefined) throw new Error(`${out} has too few results.`);
  return (1000 * (times.length - skip)) / (last - first);
}

/** The bag with that many members, read from where its data are. */
function bagOf(members: number): string {
  const config = parse(readFileSync("configs/digits-bagging.yaml", "utf8")) as {
    data: object;
    ensemble: { bagging: object };
  };
  const path = join(folder, `bag-${members}.yaml`);
  const source = relative(folder, resolve("configs/data/digits.csv"));
  const ensemble = { ...config.ensemble, bagging: { ...config.ensemble.bagging, members } };
  writeFileSync(path, stringify({ ...config, data: { ...config.data, source }, ensemble }));
  return path;
}

const ratios: number[] = [];
for (let round = 0; round < rounds; round++) {
  const alone = (name: string) => timed(process.execPath, runOf(bagOf(32), name, 1));
  await timed(process.execPath, runOf(bagOf(64), `threads-${round}`, 2));
  await Promise.all([alone(`first-${round}`), alone(`second-${round}`)]);
  const two = (await rateOf(`first-${round}`, 1)) + (await rateOf(`second-${round}`, 1));
  ratios.push((await rateOf(`threads-${round}`, 2)) / two);
}
const threads = {
  ofTwoProcesses: rounded(median(ratios)),
  target: 0.95,
  ratios: ratios.map(rounded),
};

const resident = [];
for (const { path, major } of nodes) {
  const flags = ["--conditions=@manyfold/source", "--import", "tsx", "test/evidence/resident.ts"];
  const { stdout } = await timed(path, flags);
  const found = JSON.parse(stdout) as Record<"base" | "estimate" | "data" | "resident", number>;
  const share = (found.resident - found.base - found.data) / found.estimate;
  resident.push({ node: major, ...found, share: rounded(share), target: 1.3 });
}
rmSync(folder, { recursive: true });

const verdicts = {
  whole: whole.every(({ holds }) => holds !== false),
  threads: threads.ofTwoProcesses >= threads.target,
  resident: resident.every(({ share, target }) => share <= target),
  sameLedger: new Set(whole.flatMap(({ ledgers }) => ledgers)).size === 1,
};
const scikitLearn =
  peer.length === 0
    ? null
    : {
        wallSeconds: rounded(median(peer.map(({ wall }) => wall))),
        fitSeconds: rounded(median(peer.map(({ own }) => own))),
        cpuSeconds: rounded(median(peer.map(({ cpu }) => cpu))),
      };
console.table(whole.map((row) => ({ ...row, ledgers: row.ledgers.length })));
keep("whole-process", { verdicts, rounds, whole, scikitLearn, threads, resident });
if (Object.values(verdicts).includes(false)) process.exitCode = 1;
