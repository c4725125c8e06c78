import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** A training step of another library, as its script prints it. */
export interface PeerStep {
  readonly peer: string;
  readonly shape: string;
  readonly us: number;
}

const SCRIPTS: readonly (readonly [command: string, script: string])[] = [
  ["python3", "train_torch.py"],
  ["python3", "train_sklearn.py"],
  ["node", "train_tfjs.cjs"],
];

/** Runs the scripts of a folder once, each on one thread; what is not installed is left out. */
export function runPeers(folder: string): PeerStep[] {
  return SCRIPTS.flatMap(([command, script]) => {
    const { status, stdout } = spawnSync(command, [join(folder, script)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    if (status !== 0) {
      console.error(`${script} did not run and is left out.`);
      return [];
    }
    return stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => {
        const { peer, shape, step_us: us } = JSON.parse(line) as Record<string, unknown>;
        return { peer: String(peer), shape: String(shape), us: Number(us) };
      });
  });
}
