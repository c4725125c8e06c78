import type { CommanderError } from "commander";
import { ManyfoldError, show } from "@manyfold/protocol";

interface Found {
  readonly path: string;
  readonly condition: string;
  readonly got: string;
}

/** What each complaint of commander's says of a command; `name` is what it puts in quotes. */
const FORMS: Readonly<Record<string, (about: About) => Found>> = {
  "commander.unknownCommand": ({ name }) => ({
    path: "command",
    condition: "one that manyfold has",
    got: show(name),
  }),
  "commander.unknownOption": ({ name, command }) => ({
    path: "option",
    condition: `one that ${command} has`,
    got: show(name),
  }),
  "commander.optionMissingArgument": ({ name }) => ({
    path: flagOf(name),
    condition: "followed by a value",
    got: "nothing",
  }),
  "commander.missingMandatoryOptionValue": ({ name }) => ({
    path: flagOf(name),
    condition: "given",
    got: "nothing",
  }),
  "commander.missingArgument": ({ name, command }) => ({
    path: `<${name}> of ${command}`,
    condition: "given",
    got: "nothing",
  }),
  "commander.excessArguments": ({ command, message }) => {
    const [most = "fewer", got = "more"] = message.match(/\d+/g) ?? [];
    return { path: `arguments of ${command}`, condition: `at most ${most}`, got };
  },
  "commander.invalidArgument": ({ name, message }) => {
    const [, value = ""] = /argument '(.*)' is invalid/.exec(message) ?? [];
    const [, choices = "another value"] = /choices are (.*)\.$/.exec(message) ?? [];
    return { path: flagOf(name), condition: `one of ${choices}`, got: show(value) };
  },
};

interface About {
  readonly name: string;
  readonly message: string;
  /** As people type it: `manyfold run`. */
  readonly command: string;
}

/** What commander found wrong with a command line, in the one form of errors. */
export function usageError({ code, message }: CommanderError, command: string): ManyfoldError {
  const [first = message, hint] = message.replace(/^error: /, "").split("\n");
  const name = /'([^']*)'/.exec(first)?.[1] ?? "";
  const found = FORMS[code]?.({ name, message: first, command }) ?? {
    path: "command line",
    condition: `one that ${command} understands`,
    got: first,
  };
  // It puts its guess into brackets: (Did you mean run?)
  const help = hint?.replace(/^\((.*)\)$/, "$1") ?? `See ${command} --help.`;
  return new ManyfoldError({ code: "usage", ...found, help });
}

/** `--workers` of `--workers <n>`. */
function flagOf(flags: string): string {
  return flags.split(" ").find((part) => part.startsWith("--")) ?? flags;
}
