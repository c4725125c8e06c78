import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { linesOf } from "./processes.ts";

/** A training step of another library, as its script prints it. */
export interface PeerStep {
  readonly peer: string;
  readonly shape: string;
  readonly us: number;
}

const PYTHON = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
/** Where the peers' own setup script installs what the third one needs. */
const { NODE_PATH = join(homedir(), ".cache/manyfold-peers/node_modules") } = process.env;

interface Script {
  readonly command: string;
  readonly file: string;
  /** So slow that it is never the best and takes most of the time. */
  readonly once: boolean;
}

const SCRIPTS: readonly Script[] = [
  { command: PYTHON, file: "train_torch.py", once: false },
  { command: PYTHON, file: "train_sklearn.py", once: false },
  { command: "node", file: "train_tfjs.cjs", once: true },
];

/** Runs the scripts of a folder once, each on one thread; what is not installed is left out. */
export function runPeers(folder: string, first: boolean): PeerStep[] {
  return SCRIPTS.filter(({ once }) => first || !once).flatMap(({ command, file }) => {
    const lines = linesOf(command, [join(folder, file)], { NODE_PATH });
    if (lines === null) console.error(`${file} did not run and is left out.`);
    return (lines ?? []).map(({ peer, shape, step_us: us }) => ({
      peer: String(peer),
      shape: String(shape),
      us: Number(us),
    }));
  });
}
