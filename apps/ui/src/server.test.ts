import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileJournal } from "@manyfold/files";
import { Experiment, hashJson, type JournalRecord } from "@manyfold/protocol";
import { expect, onTestFinished, test } from "vitest";
import { isOwnHost } from "./guard.ts";
import type { Row, RunEvent, RunsEvent } from "./rows.ts";
import { startUi } from "./server.ts";

const hash = hashJson("x");
const preprocessing = {
  inputs: [
    {
      kind: "numeric" as const,
      name: "x",
      offset: 0,
      factor: 1,
      impute: 0,
      indicator: false,
      min: 0,
      max: 1,
    },
  ],
  target: { task: "regression" as const, columns: [{ name: "y", offset: 0, scale: 1 }] },
  width: 1,
};
const table = { hash, bytes: 1, rows: 4, inputs: 1, targets: 1, classes: 0 };

const created: JournalRecord = {
  type: "created",
  version: 1,
  run: "r",
  experiment: Experiment.parse({
    version: 1,
    name: "lines",
    data: { source: "lines.csv", target: "y", task: "regression" },
    model: { layers: [{ dense: { units: 4 } }] },
    search: { trials: 40, space: { "train.optimizer.adam.lr": { float: [0.001, 1] } } },
  }),
  variant: "js",
  data: {
    source: { name: "lines.csv", hash, rows: 4 },
    final: { table, preprocessing },
    folds: [],
    notes: [],
  },
  time: 1000,
  manyfold: "0",
};

const trialEnds = (trial: number, value: number | null): JournalRecord[] => [
  {
    type: "completed",
    task: hashJson(trial),
    key: { trial, fold: 0, repeat: 0, rung: 0, unit: 0 },
    attempt: 1,
    worker: `w${trial % 2}`,
    seconds: 2,
    time: 2000 + trial,
    result: {
      weights: { hash, bytes: 1 },
      parameters: 1,
      predictions: {},
      curve: [{ epoch: 1, train: 3 }],
      epoch: 1,
      stopped: false,
    },
  },
  {
    type: "assessed",
    trial,
    value,
    standardError: null,
    cells: [value],
    epoch: 1,
    params: { "train.optimizer.adam.lr": 0.01 * (trial + 1) },
    time: 2000 + trial,
  },
];

function freshFolder() {
  const folder = mkdtempSync(join(tmpdir(), "manyfold-ui-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function started(folder: string) {
  const server = await startUi({ folder, port: 0 });
  onTestFinished(() => server.close());
  return server.url;
}

/** Events of a stream, one after the other, with their ids. */
function events<Event>(url: string, lastId?: string) {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  async function* read(): AsyncGenerator<{ name: string; id: string; data: Event }> {
    const headers = lastId === undefined ? {} : { "last-event-id": lastId };
    const { body } = await fetch(url, { signal: abort.signal, headers });
    let text = "";
    for await (const piece of body ?? []) {
      text += Buffer.from(piece as Uint8Array).toString();
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
        if (field("event") === "") continue;
        yield { name: field("event"), id: field("id"), data: JSON.parse(field("data")) as Event };
      }
    }
  }
  const source = read();
  return {
    next: async () => {
      const { value, done } = await source.next();
      if (done === true) throw new Error("The stream has ended.");
      return value;
    },
    close: () => abort.abort(),
  };
}

const trialsOf = (rows: readonly Row[]) =>
  rows.flatMap((row) => (row.kind === "trial" ? [row.trial] : []));

test("a run is followed while another one writes it: increments, torn frames, a new connection", async () => {
  const folder = freshFolder();
  mkdirSync(join(folder, "one"));
  const path = join(folder, "one", "journal.log");
  const journal = await fileJournal(path);
  let length = await journal.append(0, [created, ...trialEnds(0, 5), ...trialEnds(1, 4)]);
  const url = `${await started(folder)}/api/runs/one`;
  const stream = events<RunEvent>(url);
  const first = await stream.next();
  expect(first.data).toMatchObject({ reset: true, left: 0 });
  expect(trialsOf(first.data.rows)).toEqual([0, 1]);
  expect(first.data.rows.find(({ kind }) => kind === "head")).toMatchObject({
    summary: { name: "lines", status: "running", best: 4, trials: { done: 2, total: 40 } },
    parameters: ["train.optimizer.adam.lr"],
  });

  length = await journal.append(length, trialEnds(2, 3));
  const second = await stream.next();
  expect(second.data.reset).toBe(false);
  expect(trialsOf(second.data.rows)).toEqual([2]);

  await journal.close();
  const whole = readFileSync(path);
  const other = await fileJournal(path);
  await other.append(length, trialEnds(3, null));
  await other.close();
  const frame = readFileSync(path).subarray(whole.length);
  writeFileSync(path, Buffer.concat([whole, frame.subarray(0, 40)]));
  let event = await stream.next();
  // Its writer is gone, and that is all there is to see.
  for (; event.data.rows.some(({ kind }) => kind === "trial"); event = await stream.next());
  expect(event.data.rows).toMatchObject([{ kind: "head", summary: { status: "stopped" } }]);
  stream.close();

  appendFileSync(path, frame.subarray(40));
  const again = events<RunEvent>(url, event.id);
  const third = await again.next();
  expect(third.data.reset).toBe(false);
  expect(third.data.rows.filter(({ kind }) => kind === "trial")).toMatchObject([
    { trial: 3, state: "failed", value: null },
  ]);
  rmSync(join(folder, "one"), { recursive: true });
  for (event = third; event.name === "rows";) event = await again.next();
  expect(event.name).toBe("gone");
});

test("runs come and go in the list; what is no run is not there", async () => {
  const folder = freshFolder();
  mkdirSync(join(folder, "no-run"));
  writeFileSync(join(folder, "file"), "");
  const stream = events<RunsEvent>(`${await started(folder)}/api/runs`);
  expect((await stream.next()).data).toEqual({ reset: true, runs: [], gone: [] });
  mkdirSync(join(folder, "one"));
  const journal = await fileJournal(join(folder, "one", "journal.log"));
  await journal.append(0, [created]);
  await journal.close();
  const ids: string[] = [];
  while (!ids.includes("one")) {
    ids.push(...(await stream.next()).data.runs.map(({ id }) => id));
  }
  rmSync(join(folder, "one"), { recursive: true });
  let gone: readonly string[] = [];
  while (gone.length === 0) gone = (await stream.next()).data.gone;
  expect(gone).toEqual(["one"]);
});

test("a large run arrives in pieces, each trial once", async () => {
  const folder = freshFolder();
  mkdirSync(join(folder, "large"));
  const journal = await fileJournal(join(folder, "large", "journal.log"));
  const records = Array.from({ length: 2000 }, (_, trial) => trialEnds(trial, 1 / (trial + 1)));
  await journal.append(0, [created, ...records.flat()]);
  await journal.close();
  const stream = events<RunEvent>(`${await started(folder)}/api/runs/large`);
  const seen: number[] = [];
  let curves = 0;
  for (let left = 1; left > 0;) {
    const event = await stream.next();
    expect(event.data.rows.length).toBeLessThanOrEqual(400);
    seen.push(...trialsOf(event.data.rows));
    curves += event.data.rows.filter((row) => row.kind === "curve" && row.points.length > 0).length;
    left = event.data.left;
  }
  expect(new Set(seen).size).toBe(2000);
  expect(seen.length).toBeLessThan(2100);
  expect(curves).toBeLessThanOrEqual(10);
});

/** A request with headers that fetch does not let one write. */
function asked(url: string, options: { method?: string; host?: string; path?: string }) {
  const { hostname, port } = new URL(url);
  const { method = "GET", host = `${hostname}:${port}`, path = "/" } = options;
  return new Promise<number>((resolve, reject) => {
    request({ hostname, port, path, method, headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

test("only looks, only under its own name, only at runs", async () => {
  const folder = freshFolder();
  writeFileSync(join(folder, "report.html"), "secret");
  const url = await started(folder);
  expect(await asked(url, {})).toBe(200);
  expect(await asked(url, { host: "localhost:1234" })).toBe(200);
  for (const host of ["evil.example", "127.0.0.1.evil.example:80", "10.0.0.1"]) {
    expect({ host, status: await asked(url, { host }) }).toEqual({ host, status: 403 });
  }
  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
    expect(await asked(url, { method, path: "/api/runs" })).toBe(405);
  }
  for (const path of [
    "/runs/../report.html",
    "/runs/%2e%2e/report.html",
    "/runs/none/report.html",
    "/x",
  ]) {
    expect({ path, status: await asked(url, { path }) }).toEqual({ path, status: 404 });
  }
});

test("beyond loopback, numbers and the names of this machine are its own", () => {
  expect(isOwnHost("192.168.1.7:8090", "0.0.0.0")).toBe(true);
  expect(isOwnHost("[fe80::1]:8090", "::")).toBe(true);
  expect(isOwnHost("head.lab:8090", "head.lab")).toBe(true);
  expect(isOwnHost("evil.example", "0.0.0.0")).toBe(false);
  expect(isOwnHost(undefined, "0.0.0.0")).toBe(false);
});
