import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bag, writeExperiment } from "../e2e/experiments.ts";
import { temporaryFolder } from "../e2e/folder.ts";
import { manyfold, start } from "../e2e/program.ts";
import { certificates, operated, userKeys } from "./secrets.ts";
import { describeWithServer, startServer } from "./server.ts";

const folder = temporaryFolder();
const put = (name: string, text: string) => {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  return path;
};

interface Way {
  /** The server's file. */
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
  readonly wrong: Readonly<Record<string, string>>;
  /** What must not be seen anywhere. */
  readonly secrets: readonly string[];
  readonly says: RegExp;
}

const enters = /lets this user in/;

function ways(): Readonly<Record<string, Way>> {
  const [keys, others] = [userKeys(), userKeys()];
  const account = operated();
  const stranger = operated();
  const tls = certificates(mkdirSync(join(folder, "tls"), { recursive: true }) ?? folder);
  const { certificate, key } = tls.server;
  const encrypted = `cert_file: "${certificate}", key_file: "${key}"`;
  return {
    "a user and a password": {
      config: `jetstream {}\nauthorization { user: ann, password: correct-horse }\n`,
      env: { NATS_USER: "ann", NATS_PASSWORD: "correct-horse" },
      wrong: { NATS_USER: "ann", NATS_PASSWORD: "battery-staple" },
      secrets: ["correct-horse", "battery-staple"],
      says: enters,
    },
    "a token": {
      config: `jetstream {}\nauthorization { token: "open-sesame-1" }\n`,
      env: { NATS_TOKEN: "open-sesame-1" },
      wrong: { NATS_TOKEN: "open-barley-1" },
      secrets: ["open-sesame-1", "open-barley-1"],
      says: enters,
    },
    "an nkey": {
      config: `jetstream {}\nauthorization { users: [{ nkey: ${keys.publicKey} }] }\n`,
      env: { NATS_NKEY: put("own.nk", `${keys.seed}\n`) },
      wrong: { NATS_NKEY: put("other.nk", others.seed) },
      secrets: [keys.seed, others.seed],
      says: enters,
    },
    creds: {
      config: account.config,
      env: { NATS_CREDS: put("own.creds", account.creds) },
      wrong: { NATS_CREDS: put("other.creds", stranger.creds) },
      secrets: [account.seed, stranger.seed],
      says: enters,
    },
    "TLS, whose authority only this client knows": {
      config: `jetstream {}\ntls { ${encrypted} }\n`,
      env: { NATS_CA: tls.authority },
      wrong: {},
      secrets: [],
      says: /certificate this machine trusts[^]*NATS_CA/,
    },
    "TLS with a client's certificate, and a token": {
      config: `jetstream {}\nauthorization { token: "open-sesame-2" }
tls { ${encrypted}, ca_file: "${tls.authority}", verify: true }\n`,
      env: {
        NATS_CA: tls.authority,
        NATS_CERT: tls.client.certificate,
        NATS_KEY: tls.client.key,
        NATS_TOKEN: "open-sesame-2",
      },
      wrong: { NATS_CA: tls.authority, NATS_TOKEN: "open-sesame-2" },
      secrets: ["open-sesame-2"],
      says: /must be a NATS server/,
    },
    "a context of the nats command line, by its path": {
      config: `jetstream {}\nauthorization { users: [{ nkey: ${keys.publicKey} }] }\n`,
      env: { NATS_CONTEXT: put("team.json", JSON.stringify({ nkey: put("c.nk", keys.seed) })) },
      wrong: { NATS_CONTEXT: put("no.json", '{ "token": "open-barley-3", "user": "", "ca": "" }') },
      secrets: [keys.seed, "open-barley-3"],
      says: enters,
    },
  };
}

describeWithServer("who connects", () => {
  const known = ways();

  test.each(Object.keys(known))("%s: let in, or refused without a word of it", async (name) => {
    const way = known[name];
    if (way === undefined) throw new Error(name);
    const server = await startServer(["-c", put(`${name}.conf`, way.config)]);
    const list = ["ps", "--servers", server.url, "--json"];
    const right = await manyfold(list, { env: way.env });
    expect(right).toMatchObject({ code: 0, stdout: '{"status":"done","runs":[]}\n' });
    const wrong = await manyfold(list, { env: way.wrong });
    expect(wrong).toMatchObject({ code: 3 });
    expect(wrong.stdout).toMatch(way.says);
    for (const secret of way.secrets) {
      expect(right.stdout + right.stderr + wrong.stdout + wrong.stderr).not.toContain(secret);
    }
  });

  test("a context by its name brings the servers too", async () => {
    const config = "jetstream {}\nauthorization { user: bob, password: hunter-4 }\n";
    const server = await startServer(["-c", put("bob.conf", config)]);
    const context = { description: "", url: server.url, user: "bob", password: "hunter-4" };
    put("config/nats/context/team.json", JSON.stringify(context));
    const env = { XDG_CONFIG_HOME: join(folder, "config") };
    expect(await manyfold(["ps", "--context", "team"], { env })).toMatchObject({ code: 0 });
    // The environment goes before it, and as a whole.
    const mixed = await manyfold(["ps", "--context", "team"], {
      env: { ...env, NATS_USER: "bob" },
    });
    expect(mixed).toMatchObject({ code: 3 });
  });

  describe("bad contexts and addresses are named, and nothing in them is repeated", () => {
    test.each([
      [
        "a file that is none",
        ["--context", "nobody"],
        /the context must be a file that can be read/,
      ],
      ["no JSON", ["--context", put("x.json", "token: hunter-5")], /must be a context of the nats/],
      [
        "another shape",
        ["--context", put("y.json", '["hunter-5"]')],
        /must be a context of the nats/,
      ],
      ["a secret in an address", ["--servers", "nats://ann:hunter-5@h:1"], /addresses alone/],
    ])("%s", async (_, flags, says) => {
      const { code, stderr } = await manyfold(["ps", ...flags]);
      expect(code).toBe(2);
      expect(stderr).toMatch(says);
      expect(stderr).not.toContain("hunter-5");
    });
  });

  test("a run never writes a secret: not to its output, its folder or a worker's", async () => {
    const secret = "staple-battery-6";
    const config = `jetstream {}\nauthorization { user: ann, password: "${secret}" }\n`;
    const server = await startServer(["-c", put("run.conf", config)]);
    const env = { NATS_USER: "ann", NATS_PASSWORD: secret };
    const flags = ["--servers", server.url, "--log-level", "debug", "--log-json"];
    const cache = ["--cache-dir", join(folder, "cache")];
    const worker = start(["worker", ...flags, "--slots", "1", ...cache], { env });
    const experiment = writeExperiment(folder, bag);
    const out = ["--out", join(folder, "runs"), "--executor", "nats"];
    const run = await manyfold(["run", experiment, ...flags, ...out], { env });
    expect(run).toMatchObject({ code: 0 });
    worker.process.kill("SIGTERM");
    const its = await worker.outcome;
    const all = run.stdout + run.stderr + its.stdout + its.stderr;
    expect(all).not.toContain(secret);
    const places = ["runs", "cache"].flatMap((place) =>
      readdirSync(join(folder, place), { recursive: true, encoding: "utf8" }).map((name) =>
        join(folder, place, name),
      ),
    );
    const files = places.filter((file) => statSync(file).isFile());
    expect(files.length).toBeGreaterThan(20);
    expect(files.filter((file) => readFileSync(file).includes(secret))).toEqual([]);
    // What both log is JSON with what it is about: the same tasks, by the same names.
    const logged = (text: string) =>
      text.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Line] : []));
    const done = (text: string, msg: string) =>
      logged(text)
        .filter((line) => line.msg === msg)
        .map(({ run: id, task, attempt }) => `${id} ${task} ${attempt}`)
        .toSorted();
    expect(done(run.stderr, "completed")).toHaveLength(8);
    expect(done(its.stderr, "done")).toEqual(done(run.stderr, "completed"));
  });
});

interface Line {
  readonly msg: string;
  readonly run: string;
  readonly task: string;
  readonly attempt: number;
}
