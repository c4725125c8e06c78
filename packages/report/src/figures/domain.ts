import type { Domain, ParamValue } from "@manyfold/protocol";
import { paramText } from "../subject.ts";

/** A value of a parameter on its way from one end of its range to the other. */
export interface DomainScale {
  /** From 0 to 1; a list's values lie at the middles of equal parts. */
  readonly share: (value: ParamValue) => number;
  /** What stands beside the axis, and where. */
  readonly labels: readonly { readonly share: number; readonly text: string }[];
}

/** A list's values that get a label. */
const mostLabels = 8;

export function listOf(domain: Domain): readonly ParamValue[] | null {
  if ("categorical" in domain) return domain.categorical;
  if ("boolean" in domain) return [false, true];
  if ("constant" in domain) return [domain.constant];
  return null;
}

export function domainScale(domain: Domain): DomainScale {
  const values = listOf(domain);
  if (values !== null) {
    const place = (index: number) => (index + 0.5) / values.length;
    const step = Math.ceil(values.length / mostLabels);
    return {
      share: (value) => place(values.indexOf(value)),
      labels: values.flatMap((value, index) =>
        index % step === 0 ? [{ share: place(index), text: paramText(value) }] : [],
      ),
    };
  }
  if (!("float" in domain || "int" in domain)) return { share: () => 0.5, labels: [] };
  const [low, high] = "float" in domain ? domain.float : domain.int;
  const to =
    domain.scale === "log"
      ? Math.log
      : domain.scale === "logit"
        ? (value: number) => Math.log(value / (1 - value))
        : (value: number) => value;
  return {
    share: (value) => (to(Number(value)) - to(low)) / (to(high) - to(low)),
    labels: [
      { share: 0, text: paramText(low) },
      { share: 1, text: paramText(high) },
    ],
  };
}

/** For each name the end of it that no other name has, in whole parts: `adam.lr` or just `lr`. */
export function shortNames(names: readonly string[]): ReadonlyMap<string, string> {
  const ends = (name: string) =>
    name.split(".").map((_, at, parts) => parts.slice(parts.length - 1 - at).join("."));
  return new Map(
    names.map((name) => {
      const own = ends(name).find(
        (end) => !names.some((other) => other !== name && ends(other).includes(end)),
      );
      return [name, own ?? name];
    }),
  );
}
