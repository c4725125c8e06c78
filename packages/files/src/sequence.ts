import { ManyfoldError } from "@manyfold/protocol";

/** The fence of every journal: who appends must know how long it is. */
export function expectSequence(path: string, expected: number, length: number): void {
  if (expected === length) return;
  throw new ManyfoldError({
    code: "journal",
    path,
    condition: `${expected} records long, as this coordinator left it`,
    got: String(length),
    help: "Another coordinator wrote to it: stop one of the two and resume.",
  });
}
