import { styleText } from "node:util";
import { ManyfoldError } from "@manyfold/protocol";

/** Exit codes of every command: a contract with scripts. */
export const EXIT = {
  done: 0,
  someFailed: 1,
  usage: 2,
  environment: 3,
  interrupted: 130,
} as const;

/** Data for programs goes to stdout, everything else to stderr. */
export function print(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

/** A line for people, on stderr. */
export function tell(text: string): void {
  process.stderr.write(`${visible(text)}\n`);
}

/**
 * Text as a terminal may have it: names and messages come from files and from other machines, and
 * what would move the cursor or turn text round is written out. Lines and our own colours stay.
 */
export function visible(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}](\[[0-9;]*m)?/gu,
    (found: string, colour: string | undefined) => {
      const code = found.codePointAt(0) ?? 0;
      const strange = String.fromCodePoint(code);
      if (strange === "\n" || strange === "\t") return found;
      if (strange === "\u001b" && colour !== undefined) return found;
      return `\\u{${code.toString(16)}}${found.slice(strange.length)}`;
    },
  );
}

type Style = Parameters<typeof styleText>[0];

/** Coloured where stderr is a terminal that wants it. */
export function styled(style: Style, text: string): string {
  const plain = process.env["NO_COLOR"] !== undefined || !process.stderr.isTTY;
  return plain ? text : styleText(style, text, { stream: process.stderr });
}

// eslint-disable-next-line no-control-regex
const STYLE = /\u001b\[[0-9;]*m/g;

/** A line of at most so many columns; what styles it takes no room and ends with it. */
export function clipped(line: string, columns: number): string {
  let [kept, room, at] = ["", columns, 0];
  for (const style of [...line.matchAll(STYLE), undefined]) {
    const text = Array.from(line.slice(at, style?.index));
    kept += text.slice(0, room).join("") + (style?.[0] ?? "");
    room = Math.max(0, room - text.length);
    at = (style?.index ?? 0) + (style?.[0].length ?? 0);
  }
  return kept;
}

/** Prints an error as people or programs read it, and says which exit code it has. */
export function complain(error: unknown, json: boolean): number {
  const known = error instanceof ManyfoldError;
  const code = known ? error.code : "internal";
  const path = known ? error.path : "";
  const message = error instanceof Error ? error.message : String(error);
  if (json) print(JSON.stringify({ status: "error", error: { code, message, path } }));
  else {
    tell(`${styled("red", "error")}: ${message}`);
    if (!known) {
      tell(
        "This is a defect in manyfold, or a machine out of order. Set MANYFOLD_DEBUG=1 for the stack.",
      );
    }
  }
  if (!known && process.env["MANYFOLD_DEBUG"] !== undefined && error instanceof Error) {
    tell(error.stack ?? "");
  }
  return code === "internal" || code === "environment" ? EXIT.environment : EXIT.usage;
}
