import type { ErrorAnalysis } from "@manyfold/protocol";

type Figures = Omit<ErrorAnalysis, "sentences">;

/** What the figures say, in plain English; each sentence holds of these figures. */
export function sentences(figures: Figures): string[] {
  const rules =
    figures.k === 1 ? [alone] : [gain, bestMember, faultless, floor, enough, likeness, limits];
  return [...rules, rows].map((rule) => rule(figures)).filter((text) => text !== null);
}

function alone({ v }: Figures): string {
  return `One member: there is nothing to average. Its error is ${figure(v)}.`;
}

function gain({ k, v, ensembleError }: Figures): string {
  if (v === 0) return `Each of the ${k} members predicts every row without error.`;
  // A gain within the rounding of the figures is none.
  const share = (v - ensembleError) / v;
  if (share < 1e-9) return `Averaging the ${k} members gained nothing: all make the same errors.`;
  return (
    `Averaging the ${k} members brings the error from ${figure(v)}, the mean of a member alone, ` +
    `to ${figure(ensembleError)}: ${percent(share)} less.`
  );
}

function bestMember({ members, best, ensembleError }: Figures): string | null {
  const chosen = members[best];
  if (chosen === undefined || chosen.error === 0) return null;
  const share = (ensembleError - chosen.error) / chosen.error;
  const name = `the best single member on these rows (number ${chosen.member}, ${figure(chosen.error)})`;
  if (Math.abs(share) < 1e-9) return `The ensemble is as good as ${name}.`;
  if (share < 0) return `The ensemble's error is ${percent(-share)} below that of ${name}.`;
  return share > 1
    ? `The ensemble's error is ${figure(share + 1)} times that of ${name}.`
    : `The ensemble's error is ${percent(share)} above that of ${name}.`;
}

/** How many members make no mistake: on small problems the question that is asked. */
function faultless({ k, rows: count, members }: Figures): string | null {
  const right = members.filter(({ accuracy }) => accuracy === 1).length;
  return right === 0 ? null : `${right} of the ${k} members have all ${count} rows right.`;
}

function floor({ k, v, c, predictedError }: Figures): string | null {
  if (c === null || v === 0) return null;
  if (c <= 0) {
    return (
      `On these rows members' errors cancel on average (c = ${figure(c)}): the law sees no floor ` +
      `above 0, and more members like these would go on helping.`
    );
  }
  const left = predictedError - c;
  if (left <= 1e-9 * c) {
    return `The ensemble is at its floor of ${figure(c)}: more members like these would not help.`;
  }
  return (
    `More and more members like these would bring the error towards the floor ${figure(c)}; ` +
    `beyond the ${k} there is ${figure(left)} left to gain, ${percent(left / predictedError)} of the error.`
  );
}

function enough({ k, enough: levels }: Figures): string | null {
  const named = levels.filter(({ members }) => members !== null);
  if (named.length === 0) return null;
  const parts = named.map(
    ({ members, tolerance }) => `${members} within ${percent(tolerance)} of the floor`,
  );
  const list =
    parts.length === 1 ? parts[0] : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
  const reached = named.filter(({ members }) => (members ?? Infinity) <= k).at(-1);
  const here =
    reached === undefined
      ? `these ${k} are not within ${percent(Math.max(...named.map((level) => level.tolerance)))}`
      : `these ${k} are within ${percent(reached.tolerance)}`;
  return `By the law, members enough to be: ${list}; ${here}.`;
}

function likeness({ rho }: Figures): string | null {
  if (rho === null) return null;
  const most = `averaging can take away at most ${percent(1 - rho)} of a member's error`;
  if (rho > 0.9) {
    return `Members' errors are nearly the same (rho = ${figure(rho)}): ${most}, however many there are.`;
  }
  if (rho > 0.5) {
    return `Members share most of their error (rho = ${figure(rho)}): ${most}.`;
  }
  if (rho > 0) {
    return `Members' errors are largely their own (rho = ${figure(rho)}): ${most}.`;
  }
  return `Members' errors are not alike (rho = ${figure(rho)}).`;
}

function limits({ c }: Figures): string | null {
  if (c === null || c <= 0) return null;
  return (
    "The floor mixes noise in the targets, bias that members share and variance that they share; " +
    "these figures cannot tell them apart."
  );
}

const ROWS: { readonly [On in Figures["on"]]: string | null } = {
  test: null,
  train:
    "These are rows that members trained on: they flatter, and errors elsewhere are usually larger.",
  validation:
    "These are validation rows: where they chose a setting or stopped a training, they flatter.",
  outOfBag:
    "These are out-of-bag rows: each is scored by members that did not train on it, so that they are fewer than will predict new rows.",
  unknown:
    "Nothing is said of whether members trained on these rows, or were chosen by them (--rows); if so, they flatter.",
};

function rows({ on }: Figures): string | null {
  return ROWS[on];
}

/** Three significant digits. */
export function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** Two significant digits, or more where there are more before the point. */
export function percent(share: number): string {
  const value = 100 * share;
  return `${value >= 99.5 ? Math.round(value) : Number(value.toPrecision(2))} %`;
}
