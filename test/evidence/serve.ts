/**
 * A server that lasts: a CSV of a million rows in constant memory, and many requests, right and
 * wrong, with reloads in between, without a crash or a leak.
 *
 *     npm run evidence -- serve ARTIFACT [--rows 1000000] [--requests 100000]
 */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "1000000" },
    requests: { type: "string", default: "100000" },
  },
});
const [artifact = ""] = positionals;
const root = join(import.meta.dirname, "../..");
const flags = ["--conditions=@manyfold/source", "--import", "tsx"];
const program = join(root, "apps/cli/src/main.ts");
const server = spawn(process.execPath, [...flags, program, "serve", artifact, "--port", "0"]);
const url = await new Promise<string>((resolve, reject) => {
  let said = "";
  server.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    const [found] = /http:\S+/.exec(said) ?? [];
    if (found !== undefined) resolve(found);
  });
  server.once("exit", () => reject(new Error(said)));
});

interface Told {
  readonly inputs: readonly { readonly name: string; readonly impute: unknown }[];
}
const { inputs } = (await (await fetch(`${url}/model`)).json()) as Told;
const row = Object.fromEntries(inputs.map(({ name, impute }) => [name, impute]));

async function memory(): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]) / 2 ** 20;
}

const agent = new Agent({ keepAlive: true, maxSockets: 32 });

/** Sends a body and takes the answer; its status, and milliseconds. */
function send(path: string, body: string): Promise<{ status: number; ms: number }> {
  const from = performance.now();
  return new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    };
    const sent = request(`${url}${path}`, { method: "POST", agent, headers }, (answer) => {
      answer.resume();
      answer.once("end", () =>
        resolve({ status: answer.statusCode ?? 0, ms: performance.now() - from }),
      );
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

/** Streams as many rows through; most memory seen on the way. */
async function stream(rows: number): Promise<{ lines: number; most: number; seconds: number }> {
  const header = `${inputs.map(({ name }) => name).join(",")}\n`;
  const block = `${inputs.map(({ impute }) => String(impute)).join(",")}\n`.repeat(100);
  const from = performance.now();
  const pieces = function* () {
    yield header;
    for (let i = 0; i < rows / 100; i++) yield block;
  };
  let most = 0;
  const watch = setInterval(() => void memory().then((now) => (most = Math.max(most, now))), 1000);
  const answer = await fetch(`${url}/predict`, {
    method: "POST",
    headers: { "content-type": "text/csv" },
    body: Readable.toWeb(Readable.from(pieces())) as ReadableStream,
    duplex: "half",
  });
  let lines = -1;
  for await (const piece of answer.body ?? []) {
    for (const byte of piece as Uint8Array) if (byte === 10) lines++;
  }
  clearInterval(watch);
  return {
    lines,
    most: Math.max(most, await memory()),
    seconds: (performance.now() - from) / 1000,
  };
}

const good = JSON.stringify({ rows: [row] });
const bad = [
  "",
  '{"rows":[',
  '{"rows":[{"x":NaN}]}',
  "[".repeat(10_000),
  JSON.stringify({ rows: [{ ...row, ["n".repeat(1000)]: 1 }] }),
  JSON.stringify({ rows: [{}] }),
  JSON.stringify({ rows: [row], members: "yes" }),
];

const rows = Number(values.rows);
const requests = Number(values.requests);
await stream(Math.min(rows, 20_000));
const before = await memory();
const streamed = await stream(rows);
console.log(
  `CSV: ${streamed.lines} of ${rows} rows in ${streamed.seconds.toFixed(0)} s, memory ${before.toFixed(0)} to at most ${streamed.most.toFixed(0)} MiB`,
);

const statuses = new Map<number, number>();
const times: number[] = [];
let next = 0;
let wrong = 0;
const client = async () => {
  for (let i = next++; i < requests; i = next++) {
    const abuse = i % 10 === 9;
    const body = abuse ? (bad[((i / 10) % bad.length) | 0] ?? "") : good;
    const { status, ms } =
      i % 5000 === 4998 ? await send("/reload", "{}") : await send("/predict", body);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (abuse ? status < 400 || status >= 500 : status !== 200) wrong++;
    if (!abuse) times.push(ms);
  }
};
const warm = Math.min(requests, 5000);
for (let i = 0; i < warm; i++)
  await send("/predict", i % 10 === 9 ? (bad[i % bad.length] ?? "") : good);
const settled = await memory();
const from = performance.now();
await Promise.all(Array.from({ length: 32 }, client));
const rate = requests / ((performance.now() - from) / 1000);
const after = await memory();
times.sort((a, b) => a - b);
const at = (share: number) => times[Math.floor(share * (times.length - 1))] ?? NaN;

const verdicts = {
  "the CSV comes back whole": streamed.lines === rows,
  "and takes less than 200 MiB more": streamed.most - before < 200,
  "every request is answered as it should be": wrong === 0,
  "memory grows by less than 100 MiB": after - settled < 100,
};
const result = {
  rows,
  csv: { before, ...streamed },
  requests,
  statuses: Object.fromEntries(statuses),
  rate,
  milliseconds: { p50: at(0.5), p99: at(0.99) },
  memory: { settled, after },
  verdicts,
};
console.log(JSON.stringify(result, null, 2));
const folder = join(import.meta.dirname, "results");
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "serve.json"), `${JSON.stringify(result, null, 2)}\n`);
agent.destroy();
server.kill("SIGINT");
process.exitCode = Object.values(verdicts).every(Boolean) ? 0 : 1;
