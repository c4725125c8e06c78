import type { Interval, ScoredRows } from "@manyfold/protocol";

const minus = "\u2212";
const space = "\u00a0";
/** Stands for a value that is not defined, such as a share of nothing. */
const none = "\u2013";

const superscripts: Readonly<Record<string, string>> = {
  "-": "\u207b",
  "0": "\u2070",
  "1": "\u00b9",
  "2": "\u00b2",
  "3": "\u00b3",
  "4": "\u2074",
  "5": "\u2075",
  "6": "\u2076",
  "7": "\u2077",
  "8": "\u2078",
  "9": "\u2079",
};

const signed = (text: string) => text.replace("-", minus);

/** Commas between groups of three digits of the whole part. */
function grouped(text: string): string {
  const [whole = "", rest] = text.split(".");
  const commas = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return rest === undefined ? commas : `${commas}.${rest}`;
}

/** A number to some significant digits: `0.0412`, `2,950`, `1.4·10⁻¹⁷`. */
export function number(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return none;
  if (value === 0) return "0";
  const [mantissa = "", power = "0"] = value.toExponential(digits - 1).split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent > 8) {
    const raised = String(exponent).replace(/[-\d]/g, (sign) => superscripts[sign] ?? "");
    return `${signed(mantissa)}\u00b710${raised}`;
  }
  return signed(grouped(value.toFixed(Math.max(0, digits - 1 - exponent))));
}

/** A setting as a person would write it: no trailing zeros, at most five significant digits. */
export function plain(value: number): string {
  if (!Number.isFinite(value)) return none;
  const rounded = Number(value.toPrecision(5));
  const tiny = rounded !== 0 && Math.abs(rounded) < 1e-5;
  return tiny ? number(rounded) : signed(grouped(String(rounded)));
}

/** A whole number: `1,347`. */
export function count(value: number): string {
  return signed(grouped(value.toFixed(0)));
}

/** `1 member`, `32 members`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)}${space}${value === 1 ? one : many}`;
}

const rowKinds: { readonly [On in ScoredRows]: string } = {
  test: "test ",
  train: "training ",
  validation: "validation ",
  outOfBag: "out-of-bag ",
  unknown: "",
};

/** `1 test row`, `450 test rows`. */
export function rowsOn(on: ScoredRows, value: number): string {
  return counted(value, `${rowKinds[on]}row`);
}

/** A share: `97.6 %`. */
export function percent(share: number, decimals = 1): string {
  return Number.isFinite(share) ? `${signed((100 * share).toFixed(decimals))}${space}%` : none;
}

/** `0.0351 to 0.0476`. */
export function range(interval: Pick<Interval, "low" | "high">, digits = 3): string {
  return `${number(interval.low, digits)} to ${number(interval.high, digits)}`;
}

/** A time span: `0.83 s`, `48 s`, `3 min 12 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${number(seconds)}${space}s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours > 0) return `${count(hours)}${space}h ${minutes}${space}min`;
  return minutes > 0 ? `${minutes}${space}min ${whole % 60}${space}s` : `${whole}${space}s`;
}

/** `2026-03-04T05:06:07.123Z` as `2026-03-04 05:06:07 UTC`; any other text as it is. */
export function moment(iso: string): string {
  const found = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/.exec(iso);
  return found ? `${found[1]} ${found[2]} UTC` : iso;
}

/** `a, b and c`. */
export function listed(items: readonly string[]): string {
  return items.length < 2
    ? items.join("")
    : `${items.slice(0, -1).join(", ")} and ${items.at(-1) ?? ""}`;
}
