import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { allTasks, begin, fold, type RunState } from "@manyfold/coordinator";
import type { JournalRecord } from "@manyfold/protocol";
import { type Link, namesOf, natsJournal, openLink, tidyTasks } from "@manyfold/workers/nats";
import { type Random, randomOf } from "../simulation/random.ts";
import { type Host, makeHost, type Running, startProcess, startServer } from "./machinery.ts";
import { storedSuccesses } from "./stored.ts";

export interface CampaignOptions {
  readonly seed: number;
  /** Folder of its own. */
  readonly folder: string;
  /** The program's main file. */
  readonly program: string;
  readonly config: string;
  /** The ledger where nothing goes wrong. */
  readonly ledger: string;
  /** Seconds in which things go wrong. */
  readonly seconds: number;
  readonly say: (text: string) => void;
}

export interface CampaignResult {
  readonly seed: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
  readonly tasks: number;
  /** Given up after three lost attempts, as the retry policy wants it. */
  readonly givenUp: number;
  readonly attempts: number;
  readonly lost: number;
  readonly seconds: number;
}

const BEAT = 0.5;
const LEASE = 3;
const PACE = ["--beat", String(BEAT), "--lease", String(LEASE)];
const WORKERS = 3;
/** Milliseconds for a run to end once nothing goes wrong any more. */
const PATIENCE = 120_000;

const timers = {
  sleep: (milliseconds: number, signal?: AbortSignal) =>
    sleep(milliseconds, undefined, signal === undefined ? {} : { signal }),
  every: (milliseconds: number, callback: () => void) => {
    const timer = setInterval(callback, milliseconds);
    return () => clearInterval(timer);
  },
};

/** Runs an experiment on real processes while a seed's faults befall them, and looks what came of it. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { seed, folder, program, config, seconds } = options;
  const random = randomOf(seed);
  const begun = performance.now();
  const say = (text: string) =>
    options.say(`${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${text}`);
  const hosts = Array.from({ length: WORKERS }, (_, place) =>
    makeHost(((process.pid % 2000) * 8 + place) % 16_000),
  );
  const server = await startServer(
    join(folder, "server"),
    hosts.some((host) => host !== undefined) ? "0.0.0.0" : "127.0.0.1",
  );
  const processes: Running[] = [];
  const violations: string[] = [];
  const faults: Record<string, number> = {};
  const node = (name: string, args: readonly string[], host?: Host) => {
    const url = `nats://${host?.gateway ?? "127.0.0.1"}:${server.port}`;
    const command = [process.execPath, program, ...args, "--servers", url, ...PACE];
    const one = startProcess(name, command, host?.namespace);
    processes.push(one);
    return one;
  };

  let over = false;
  let finished: { stdout: string; stderr: string } | undefined;
  let folders = 0;
  let coordinator: Running | undefined;
  let runId: string | undefined;
  let home = join(folder, "runs0");
  const watch = async (one: Running) => {
    const { code, stdout, stderr } = await one.ended;
    const [why = ""] = code === 0 ? [] : stderr.trim().split("\n").slice(-2);
    say(`${one.name} ended with ${code}${why === "" ? "" : `: ${why.slice(0, 300)}`}`);
    if (code === 0 || code === 1) {
      finished ??= { stdout, stderr };
    } else if (code !== null && code !== 2 && code !== 3 && code !== 130) {
      violations.push(`${one.name} ended with ${code}: ${stderr.slice(-300)}`);
    } else if (/internal|TypeError|at .*\.js:\d+/.test(stderr + stdout)) {
      violations.push(`${one.name} said: ${(stderr + stdout).slice(-300)}`);
    }
  };
  /** The run, once it has a record: before, a coordinator that is killed leaves nothing to go on with. */
  const id = () => {
    try {
      const begun = (name: string) => statSync(join(home, name, "journal.log")).size > 64;
      runId ??= readdirSync(home).find(begun);
    } catch {
      // It has no folder, or no journal, yet.
    }
    return runId;
  };
  const coordinate = (elsewhere: boolean, takeOver = false) => {
    const known = id();
    if (known !== undefined && elsewhere) home = join(folder, `runs${++folders}`);
    const common = ["--executor", "nats", "--json", "--out", home];
    const forced = takeOver ? ["--take-over"] : [];
    const name = `coordinator ${processes.length}`;
    coordinator =
      known === undefined
        ? node(name, ["run", config, ...common])
        : node(name, ["resume", elsewhere ? known : join(home, known), ...common, ...forced]);
    say(
      `${name} starts${known === undefined ? "" : ` (resumes ${elsewhere ? "elsewhere" : "there"})`}`,
    );
    void watch(coordinator);
  };

  const workers = Array.from({ length: WORKERS }, (): Running | undefined => undefined);
  const employ = (place: number) => {
    const name = `worker ${place}`;
    const cache = join(folder, `cache${place}`);
    const args = ["worker", "--slots", "1", "--cache-dir", cache, "--quiet"];
    workers[place] = node(name, args, hosts[place]);
  };

  const count = (kind: string) => {
    faults[kind] = (faults[kind] ?? 0) + 1;
    say(`!! ${kind}`);
  };
  const pause = async (one: Running | undefined, milliseconds: number) => {
    one?.process.kill("SIGSTOP");
    await sleep(milliseconds);
    one?.process.kill("SIGCONT");
  };
  const background: Promise<void>[] = [];
  const later = (action: Promise<void>) => background.push(action);

  const strikes: { [name: string]: (random: Random) => Promise<void> } = {
    async "worker killed"() {
      const place = random.below(WORKERS);
      workers[place]?.process.kill("SIGKILL");
      await sleep(random.between(0, 1000));
      employ(place);
    },
    async "worker stopped"() {
      later(pause(workers[random.below(WORKERS)], random.between(300, 6000)));
    },
    async "coordinator killed"() {
      coordinator?.process.kill("SIGKILL");
      await sleep(random.between(0, 1500));
      if (finished === undefined) coordinate(random.chance(0.5));
    },
    async "coordinator stopped and taken over"() {
      const old = coordinator;
      if (id() === undefined) return;
      old?.process.kill("SIGSTOP");
      await sleep(random.between(200, 1500));
      coordinate(true, random.chance(0.5));
      await sleep(random.between(200, 3000));
      old?.process.kill("SIGCONT");
    },
    async "server killed"() {
      await server.end("SIGKILL");
      await sleep(random.between(0, 1500));
      await server.start();
    },
    async "server restarted"() {
      await server.end("SIGTERM");
      await sleep(random.between(0, 1000));
      await server.start();
    },
    async "server stopped"() {
      await pause(server.running, random.between(200, 2500));
    },
    async "store full"() {
      await fillStore(random.below(2), random.between(500, 2500));
    },
    async "link cut"() {
      const host = hosts[random.below(WORKERS)];
      const lasts = random.between(300, 6000);
      host?.link("down");
      later(sleep(lasts).then(() => host?.link("up")));
    },
  };
  const kinds = Object.keys(strikes).filter((kind) => kind !== "link cut" || hosts[0]);
  if (hosts[0] === undefined) say("no network namespaces here: links are not cut");

  const names = namesOf("default");
  const openOwn = (): Promise<Link> =>
    openLink({ servers: [`nats://127.0.0.1:${server.port}`], name: "chaos", timers });
  /** Limits results, or blobs, to what is there. */
  async function fillStore(which: number, milliseconds: number): Promise<void> {
    const link = await openOwn();
    const stream = which === 0 ? names.results : names.blobs;
    try {
      const { config: rules, state } = await link.jsm.streams.info(stream);
      await link.jsm.streams.update(stream, { ...rules, max_bytes: Math.max(1, state.bytes) });
      await sleep(milliseconds);
      await link.jsm.streams.update(stream, { ...rules, max_bytes: -1 });
    } catch (error) {
      say(`the store was not filled: ${String(error)}`);
    } finally {
      await link.close();
    }
  }

  const cleanUp = async () => {
    over = true;
    for (const { process: child, alive } of processes) if (alive) child.kill("SIGKILL");
    if (server.running.alive) await server.end("SIGKILL");
    for (const host of hosts) host?.remove();
  };

  try {
    for (let place = 0; place < WORKERS; place++) employ(place);
    coordinate(false);
    const until = performance.now() + seconds * 1000;
    while (performance.now() < until && finished === undefined) {
      await sleep(random.between(300, 1500));
      const kind = random.pick(kinds) ?? "worker killed";
      if (finished === undefined) {
        count(kind);
        await strikes[kind]?.(random);
      }
    }
    await Promise.all(background);
    const patience = performance.now() + PATIENCE;
    while (finished === undefined && performance.now() < patience) {
      await sleep(100);
      for (let place = 0; place < WORKERS; place++) if (!workers[place]?.alive) employ(place);
      if (coordinator?.alive === false && finished === undefined && !over) {
        await sleep(300);
        if (finished === undefined) coordinate(false);
      }
    }
    if (finished === undefined) violations.push(`the run did not end within ${PATIENCE / 1000} s`);
    say("the run is over, workers are asked to end");
    for (const one of workers) one?.process.kill("SIGTERM");
    for (const one of processes) {
      if (!one.alive) continue;
      const patient = sleep(20_000).then(() => "late");
      if ((await Promise.race([one.ended, patient])) === "late") {
        violations.push(`${one.name} does not end`);
        one.process.kill("SIGKILL");
      }
    }
    say("all have ended");
    const link = await openOwn();
    const verdict = await verify(link, id() ?? "none", options.ledger);
    await link.close();
    violations.push(...verdict.violations);
    return {
      seed,
      faults,
      violations,
      ...verdict.figures,
      seconds: Math.round((performance.now() - begun) / 100) / 10,
    };
  } finally {
    await cleanUp();
  }

  /** Asks until there is an answer: a machine that is very busy takes longer than the client waits. */
  async function listed<Of>(ask: () => AsyncIterable<Of>): Promise<Of[]> {
    for (let look = 0; ; look++) {
      try {
        const found: Of[] = [];
        for await (const each of ask()) found.push(each);
        return found;
      } catch (error) {
        if (look === 20) throw error;
        await sleep(250);
      }
    }
  }

  function streamsOf(link: Link) {
    return listed(() => link.jsm.streams.list());
  }

  function consumersOf(link: Link, stream: string) {
    return listed(() => link.jsm.consumers.list(stream));
  }

  async function readers(link: Link): Promise<number> {
    let found = 0;
    for (const stream of [names.results, names.log, names.blobs, names.leases]) {
      found += (await consumersOf(link, stream)).length;
    }
    return found;
  }

  async function verify(link: Link, run: string, ledger: string) {
    const wrong: string[] = [];
    await tidyTasks(link, names);
    const journal = await natsJournal(link, names, run);
    const records: JournalRecord[] = [];
    for await (const each of journal.read(0)) records.push(each);
    await journal.close();
    const [created, ...others] = records;
    const figures = { tasks: 0, givenUp: 0, attempts: 0, lost: 0 };
    if (created === undefined) {
      const said = `${finished?.stdout.slice(0, 500)} ${finished?.stderr}`;
      return { violations: [`the log of ${run} is empty; the program said: ${said}`], figures };
    }
    const state: RunState = others.reduce(fold, begin(created));
    const wanted = allTasks(state);
    figures.tasks = wanted.length;
    figures.attempts = state.labour.attempts;
    figures.lost = state.labour.lost;
    const bodies: Uint8Array[] = [];
    for (const subject of await link.streams.subjects(names.results, names.outcomes(run))) {
      const found = await link.streams.get(names.results, { last: subject });
      if (found !== undefined) bodies.push(found.data);
    }
    const successes = storedSuccesses(bodies);
    for (const { id: task } of wanted) {
      const accepted = records.filter((one) => one.type === "completed" && one.task === task);
      const losses = state.failures.get(task)?.filter(({ code }) => code === "lost").length ?? 0;
      const stored = successes.get(task)?.size ?? 0;
      if (accepted.length === 0 && losses >= 3) figures.givenUp++;
      else if (accepted.length !== 1 || stored !== 1) {
        wrong.push(
          `${task.slice(0, 8)}: ${accepted.length} accepted, ${stored} different stored results`,
        );
      }
    }
    for (const one of records) {
      if (one.type === "failed" && one.failure.code !== "lost") {
        wrong.push(`${one.task.slice(0, 8)} failed: ${one.failure.code} ${one.failure.message}`);
      }
    }
    const document = JSON.parse(finished?.stdout || "{}") as {
      ledger?: string;
      tasks?: { total: number; completed: number; failed: number };
    };
    if (figures.givenUp === 0) {
      if (document.ledger !== ledger || state.finished?.ledger !== ledger) {
        wrong.push("the ledger is another one");
      }
      const { total, completed, failed } = document.tasks ?? {};
      if (total !== wanted.length || completed !== wanted.length || failed !== 0) {
        wrong.push(`counts are ${JSON.stringify(document.tasks)}`);
      }
    }
    const streams: string[] = [];
    // A reader that was killed is forgotten after a while.
    for (let look = 0; look < 60 && (await readers(link)) > 0; look++) await sleep(250);
    for (const { config: rules, state: kept } of await streamsOf(link)) {
      streams.push(rules.name);
      if (rules.name === names.tasks && kept.messages > 0) {
        wrong.push(`${kept.messages} tasks are left`);
      }
      for (const consumer of await consumersOf(link, rules.name)) {
        if (rules.name !== names.tasks) wrong.push(`a consumer ${consumer.name} of ${rules.name}`);
      }
    }
    const declared = [names.tasks, names.results, names.log, names.blobs, names.leases];
    if (streams.toSorted().join() !== declared.toSorted().join()) {
      wrong.push(`streams are ${streams.join(", ")}`);
    }
    return { violations: wrong, figures };
  }
}
