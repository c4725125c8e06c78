import { ManyfoldError } from "@manyfold/protocol";

/** The threshold of `--abstain`: a probability, or a spread. */
export function threshold(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new ManyfoldError({
    code: "usage",
    path: "--abstain",
    condition: "a number not below 0",
    got: JSON.stringify(text),
  });
}

/** A share between 0 and 1, as `--coverage` is. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value < 1) return value;
  throw new ManyfoldError({
    code: "usage",
    path: "--coverage",
    condition: "a number above 0 and below 1",
    got: JSON.stringify(text),
  });
}
