import { ManyfoldError } from "@manyfold/protocol";

/** A whole number from the command line. */
export function wholeNumber(option: string, low: number, high = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= low && value <= high) {
      return value;
    }
    throw new ManyfoldError({
      code: "usage",
      path: option,
      condition:
        high === Number.MAX_SAFE_INTEGER
          ? `a whole number >= ${low}`
          : `a whole number from ${low} to ${high}`,
      got: JSON.stringify(text),
    });
  };
}
