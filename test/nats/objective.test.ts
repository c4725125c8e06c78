import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../e2e/folder.ts";
import { document } from "../e2e/program.ts";
import { workerStarter } from "./cluster.ts";
import { describeWithServer, startServer, type TestServer } from "./server.ts";

const folder = temporaryFolder();
const out = join(folder, "runs");
const startWorker = workerStarter(folder);

const MODULE = `export const descends = ({ x }, { budget, checkpoint, random, report }) => {
  const saved = checkpoint.load();
  let [step, at] = saved ? JSON.parse(new TextDecoder().decode(saved)) : [0, 5];
  while (step < budget) {
    step += 1;
    at = at / 2 + (x - 0.3) ** 2 + 0.01 * random("step", step)();
    checkpoint.save(new TextEncoder().encode(JSON.stringify([step, at])));
    report(step, at);
  }
  return at;
};
`;

describeWithServer("a search over a function of one's own, over NATS", () => {
  let server: TestServer;
  let config: string;
  beforeAll(async () => {
    server = await startServer();
    const rows = Array.from({ length: 30 }, (_, row) => `${row % 7},${(row * 3) % 11}`);
    writeFileSync(join(folder, "rows.csv"), ["a,y", ...rows, ""].join("\n"));
    writeFileSync(join(folder, "mine.mjs"), MODULE);
    writeFileSync(join(folder, "other.mjs"), `${MODULE}// another file\n`);
    config = join(folder, "search.yaml");
    const experiment = {
      version: 1,
      name: "search",
      data: { source: "rows.csv", target: "y", task: "regression" },
      objective: { module: "mine.mjs", export: "descends", steps: 9 },
      search: {
        sampler: "random",
        trials: 9,
        lag: 2,
        scheduler: { asha: { min: 1, eta: 3 } },
        space: { x: { float: [0, 1] } },
      },
    };
    writeFileSync(config, JSON.stringify(experiment));
  });

  const runIn = (namespace: string, code = 0) => {
    const cluster = ["--executor", "nats", "--servers", server.url, "--namespace", namespace];
    return document(["run", config, ...cluster, "--out", out], code);
  };
  const worker = (namespace: string, ...allowed: string[]) =>
    startWorker(server.url, namespace, [
      "--namespace",
      namespace,
      ...allowed.flatMap((module) => ["--allow-module", module]),
    ]);

  test("gives the ledger of an inline run where workers have leave to load it", async () => {
    worker("leave", `mine.mjs=${join(folder, "mine.mjs")}`);
    const there = await runIn("leave");
    const here = await document(["run", config, "--out", out, "--executor", "inline"]);
    expect(there.ledger).toBe(here.ledger);
    expect(there.best).toEqual(here.best);
  });

  test.each([
    ["no leave", []],
    ["leave for another file", ["mine.mjs=other.mjs"]],
  ])("is refused by name by a worker with %s", async (name, allowed) => {
    const namespace = name.replaceAll(" ", "-");
    worker(namespace, ...allowed.map((one) => one.replace("=", `=${folder}/`)));
    const run = await runIn(namespace, 1);
    expect(run).toMatchObject({ status: "error", best: null });
    expect(run.trials?.every(({ value }) => value === null)).toBe(true);
  });
});
