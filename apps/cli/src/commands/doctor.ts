import { access, constants } from "node:fs/promises";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import type { Command } from "commander";
import { tuneKernels, variantAvailability } from "@manyfold/core";
import { openSystemBlas, preferredVariant } from "@manyfold/workers";
import { ManyfoldError } from "@manyfold/protocol";
import type { Finding } from "../cluster-check.ts";
import { examineCluster } from "../cluster-check.ts";
import { CLUSTER_HELP, clusterOptions } from "../cluster.ts";
import { clock, oneBlasThread } from "../environment.ts";
import { EXIT, print, tell } from "../terminal.ts";

interface DoctorFlags {
  readonly servers?: string;
  readonly context?: string;
  readonly namespace: string;
  readonly json?: boolean;
}

export function registerDoctor(program: Command): void {
  clusterOptions(
    program
      .command("doctor")
      .description("look at this machine, and with --servers or --context at a cluster"),
  )
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `\nExamples:\n  manyfold doctor\n  manyfold doctor --servers nats://head:4222\n${CLUSTER_HELP}\n`,
    )
    .action(async ({ json, ...flags }: DoctorFlags) => {
      const findings = await examine();
      const cluster = flags.servers ?? flags.context;
      if (cluster !== undefined) findings.push(...(await examineCluster(flags)));
      if (json) print(JSON.stringify({ status: "done", findings }));
      for (const { what, found, ok, help } of json ? [] : findings) {
        tell(`${ok ? "ok " : "!! "} ${what.padEnd(10)} ${found}${help ? `\n    ${help}` : ""}`);
      }
      if (findings.some(({ ok }) => !ok)) process.exitCode = EXIT.environment;
    });
}

const GIB = 2 ** 30;

async function examine(): Promise<Finding[]> {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const enough = major > 20 || (major === 20 && minor >= 19);
  const writable = await access(process.cwd(), constants.W_OK).then(
    () => true,
    () => false,
  );
  return [
    {
      what: "node",
      found: process.version,
      ok: enough,
      ...(enough ? {} : { help: "Install Node 20.19 or later." }),
    },
    {
      what: "cores",
      found: `${availableParallelism()} (${cpus()[0]?.model.trim() ?? "unknown"}); that many tasks run at once`,
      ok: true,
    },
    {
      what: "memory",
      found: `${(freemem() / GIB).toFixed(1)} of ${(totalmem() / GIB).toFixed(1)} GiB free`,
      ok: true,
    },
    {
      what: "folder",
      found: `${process.cwd()} is ${writable ? "" : "not "}writable`,
      ok: writable,
      ...(writable ? {} : { help: "Runs are written to --out DIR, by default ./runs." }),
    },
    ...kernels(),
    await blas(),
  ];
}

/** Which variant new runs take and why, and how fast its products are. */
function kernels(): Finding[] {
  const variant = preferredVariant();
  const fma = variantAvailability("wasm-fma");
  const why = fma.available ? "multiply and add are fused here" : `wasm-fma is not: ${fma.reason}`;
  const speeds = tuneKernels(() => clock.monotonic()).map(({ variant: own, block, gigaflops }) => ({
    what: own,
    found: `block ${block}: ${gigaflops[block].toFixed(1)} GFLOP/s (of blocks of equal bits, the fastest)`,
    ok: true,
  }));
  return [{ what: "variant", found: `${variant} for new runs: ${why}`, ok: true }, ...speeds];
}

/** Rows and columns of the matrices by which a library is timed. */
const SIDE = 256;
/** Rounds, of which the fastest counts, and products in each. */
const ROUNDS = 8;
const PRODUCTS = 5;

/** The library that `--backend blas` takes, and its rate on one thread. None is no fault. */
async function blas(): Promise<Finding> {
  try {
    oneBlasThread();
    const { description, products } = await openSystemBlas();
    const values = new Float32Array(3 * SIDE * SIDE).fill(0.5);
    const product = products.bind(values, {
      rows: SIDE,
      columns: SIDE,
      inner: SIDE,
      a: { offset: 0, transposed: false },
      b: { offset: SIDE * SIDE, transposed: false },
      c: 2 * SIDE * SIDE,
    });
    const time = (): number => {
      const from = clock.monotonic();
      for (let i = 0; i < PRODUCTS; i++) product();
      return clock.monotonic() - from;
    };
    const fastest = Math.min(...Array.from({ length: ROUNDS }, time));
    const rate = (2 * SIDE ** 3 * PRODUCTS) / fastest / 1e6;
    return {
      what: "blas",
      found: `${description}, ${rate.toFixed(1)} GFLOP/s on one thread; for --backend blas`,
      ok: true,
    };
  } catch (error) {
    const { message, help } =
      error instanceof ManyfoldError ? error : { message: String(error), help: undefined };
    return {
      what: "blas",
      found: `none, and none is needed: ${message}`,
      ok: true,
      ...(help ? { help } : {}),
    };
  }
}
