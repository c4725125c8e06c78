// What a search costs beside its trials: ask, tell and a durable journal record per trial that does
// nothing, against Optuna's own; how long a proposal of TPE takes late in a study; memory of long ones.
//
//   npm run evidence -- search-speed --peers FOLDER [--rounds 3] [--python PATH]
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { key } from "@manyfold/core";
import { fileJournal } from "@manyfold/files";
import { SearchSpec, type JournalRecord, type Params } from "@manyfold/protocol";
import { beginSearch, createStudy } from "@manyfold/search";
import { keep } from "./experiments.ts";

const { values: options } = parseArgs({
  options: {
    peers: { type: "string", default: "" },
    python: { type: "string", default: "/usr/bin/python3" },
    rounds: { type: "string", default: "3" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "manyfold-evidence-"));
/** Trials under way at once: a result is told when its record is on the disk. */
const OPEN = 8;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

const recordOf = (trial: number, params: Params, value: number): JournalRecord => ({
  type: "assessed",
  trial,
  value,
  standardError: null,
  cells: [value],
  epoch: null,
  params,
  time: 0,
});

let journals = 0;

/** Trials per second of ask, journal and tell, each told once its record is durable. */
async function rate(sampler: "random" | "tpe", trials: number): Promise<number> {
  const journal = await fileJournal(join(folder, `${journals++}.log`));
  const study = createStudy({ space: { x: { float: [0, 1] } }, sampler, lag: OPEN });
  const from = performance.now();
  const open: { trial: number; value: number; durable: Promise<unknown> }[] = [];
  const close = async () => {
    const first = open.shift();
    if (!first) return;
    await first.durable;
    study.tell(first.trial, first.value);
  };
  for (let sequence = 0; sequence < trials; sequence++) {
    if (open.length === OPEN) await close();
    const { number, params } = study.ask();
    const value = Number(params["x"]);
    const durable = journal.append(sequence, [recordOf(number, params, value)]);
    open.push({ trial: number, value, durable });
  }
  while (open.length > 0) await close();
  const seconds = (performance.now() - from) / 1000;
  await journal.close();
  return trials / seconds;
}

function optuna(): Map<string, number> {
  const script = join(options.peers, "search_optuna.py");
  const { stdout } = spawnSync(options.python, ["-u", script], {
    encoding: "utf8",
    // Its regrets come after the rates and take minutes: what it printed until then is enough.
    timeout: 60_000,
  });
  const rows = stdout.split("\n").filter((line) => line.includes("trials_per_s"));
  return new Map(
    rows.map((line) => {
      const row = JSON.parse(line) as { case: string; trials_per_s: number };
      return [row.case, row.trials_per_s];
    }),
  );
}

/**
 * Milliseconds of processor time of proposals after so many trials of five parameters: 99 of 100 are
 * below. The clock on the wall would measure who else is there.
 */
function lateProposals(trials: number): number {
  const space = Object.fromEntries(
    Array.from({ length: 5 }, (_, i) => [`x${i}`, { float: [0, 1] as [number, number] }]),
  );
  const learner = beginSearch(SearchSpec.parse({ space, sampler: "tpe" }), key(1));
  const random = beginSearch(SearchSpec.parse({ space }), key(2));
  for (let trial = 0; trial < trials; trial++) {
    const params = random.ask(trial, []);
    learner.tell({ trial, params, value: Number(params["x0"]) });
  }
  const taken: number[] = [];
  for (let trial = trials; trial < trials + 400; trial++) {
    const from = process.cpuUsage();
    const params = learner.ask(trial, []);
    const { user, system } = process.cpuUsage(from);
    taken.push((user + system) / 1000);
    learner.tell({ trial, params, value: Number(params["x0"]) });
  }
  return taken.slice(100).toSorted((a, b) => a - b)[296] ?? NaN;
}

/** MiB that a sampler and a journal hold after the first fifth and after all of 100,000 trials. */
async function memory(): Promise<[number, number]> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const held = () => {
    collect();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  const space = { x: { float: [0, 1] } };
  const learner = beginSearch(SearchSpec.parse({ space, sampler: "tpe" }), key(1));
  const random = beginSearch(SearchSpec.parse({ space }), key(2));
  const journal = await fileJournal(join(folder, "memory.log"));
  const looks: number[] = [];
  let durable: Promise<unknown> = Promise.resolve();
  for (let trial = 0; trial < 100_000; trial++) {
    if (trial === 20_000) looks.push(held());
    // A proposal of the model now and then; the others would cost minutes and hold nothing.
    const params = trial % 100 === 0 ? learner.ask(trial, []) : random.ask(trial, []);
    const value = Number(params["x"]);
    learner.tell({ trial, params, value });
    durable = journal.append(trial, [recordOf(trial, params, value)]);
    if (trial % 64 === 0) await durable;
  }
  await durable;
  looks.push(held());
  await journal.close();
  return [looks[0] ?? NaN, looks[1] ?? NaN];
}

try {
  const rounds = Number(options.rounds);
  await rate("random", 500);
  await rate("tpe", 100);
  const own: { random: number[]; tpe: number[] } = { random: [], tpe: [] };
  const peers: Map<string, number>[] = [];
  for (let round = 0; round < rounds; round++) {
    own.random.push(await rate("random", 2000));
    own.tpe.push(await rate("tpe", 500));
    if (options.peers !== "") peers.push(optuna());
  }
  const peer = (name: string) => median(peers.map((rates) => rates.get(name) ?? NaN));
  const [random, tpe] = [median(own.random), median(own.tpe)];
  const late = lateProposals(10_000);
  const [early, end] = await memory();
  const lines: { what: string; figure: number; target: string; met: boolean }[] = [];
  const look = (what: string, figure: number, sign: ">=" | "<", target: number) => {
    const met = sign === "<" ? figure < target : figure >= target;
    lines.push({ what, figure: Number(figure.toPrecision(4)), target: `${sign} ${target}`, met });
  };
  if (peers.length > 0) {
    look("random, durable journal / Optuna's journal", random / peer("journal/random"), ">=", 10);
    look("random, durable journal / Optuna's memory", random / peer("memory/random"), ">=", 1);
    look(
      "tpe to 500 trials, durable journal / Optuna's memory",
      tpe / peer("memory/tpe"),
      ">=",
      20,
    );
  }
  look("tpe ask at 10,000 trials of 5 parameters, p99 of CPU ms", late, "<", 5);
  look("MiB more from 20,000 to 100,000 trials", end - early, "<", 16);
  for (const { what, figure, target, met } of lines) {
    console.log(`${met ? "met" : "NOT MET"}: ${what}: ${figure} (${target})`);
  }
  const perSecond = { random, tpe, peers: Object.fromEntries(peers[0] ?? []) };
  keep("search-speed", { rounds, open: OPEN, perSecond, lines }, true);
  console.log(JSON.stringify(perSecond));
  process.exitCode = lines.every(({ met }) => met) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
