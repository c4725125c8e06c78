import type { Attempt, Look, Proposal, TrialStory } from "@manyfold/coordinator";
import { duration } from "./progress.ts";

/** What a journal says of a trial, in sentences. */
export function storyText(story: TrialStory): string {
  const { run, trial, metric, proposal, looks, attempts } = story;
  const { value, standardError } = trial;
  const error = standardError === null ? "" : ` +- ${short(standardError)}`;
  const worth = value === null ? "" : `, ${metric} ${short(value)}${error}`;
  return [
    `trial ${trial.trial} of ${run}: ${trial.state}${worth}`,
    ...Object.entries(trial.params).map(([name, chosen]) => `  ${name}  ${String(chosen)}`),
    "",
    ...proposalLines(proposal),
    ...(looks.length > 0 ? ["", ...looks.map((look) => lookLine(look, story))] : []),
    "",
    ...attemptLines(attempts, story),
  ].join("\n");
}

function proposalLines({ sampler, decision, adaptive, lag, knew, pending, reason }: Proposal) {
  if (!adaptive) {
    return [
      `Proposed by ${sampler}: a function of the seed and the trial's number, no result had a part.`,
    ];
  }
  const known = `It knew the results of ${listed(knew, "trial")}`;
  const cut =
    pending.length === 0
      ? "."
      : `, and of ${listed(pending, "trial")} the settings alone (search.lag ${lag}).`;
  const lines = [`Proposed by ${sampler} as decision ${decision}. ${known}${cut}`];
  if (!reason) return lines;
  const { by, results, needed, good, candidates, score, near, branch, generation } = reason;
  const counted = `${results} result${results === 1 ? "" : "s"} with a value`;
  if (by === "start-up") {
    lines.push(
      `Start-up: drawn at random, since ${counted} are fewer than the ${needed} it learns from.`,
    );
  } else if (by === "queue") {
    lines.push("Asked for in search.enqueue; what it left open was drawn at random.");
  } else if (by === "chance") {
    lines.push("The model proposed nothing that keeps the constraints: drawn at random instead.");
  } else if (generation !== undefined) {
    lines.push(
      `Model: drawn from the distribution of generation ${generation}, after ${results} results.`,
    );
  } else {
    lines.push(
      `Model: of ${counted} it took ${listed(good ?? [], "trial")} for the good ones, and of ${candidates ?? 0} candidates${near === undefined ? "" : ` near trial ${near}`} chose the likeliest among them against all others (log ratio ${short(score ?? 0)}).`,
    );
    if (branch === true) lines.push("It was this trial's turn to draw its branch at random.");
  }
  return lines;
}

function lookLine({ rung, epochs, decision, value, verdict }: Look, story: TrialStory): string {
  const worth = value === null ? "no value yet" : `${story.metric} ${short(value)}`;
  const head = `Rung ${rung} (to epoch ${epochs}, decision ${decision}): ${worth}`;
  if (!verdict) return `${head}; the scheduler has not judged it.`;
  const isLast = rung === story.looks.at(-1)?.rung;
  const { goesOn, rank, among, quota, median } = verdict;
  const place =
    median !== undefined
      ? `its best so far is ${goesOn ? "no worse" : "worse"} than the median of the finished trials there`
      : rank === undefined
        ? value === null
          ? "it failed"
          : "nobody is stopped there"
        : quota === 0
          ? `the end; rank ${rank} of ${among ?? 0} there`
          : `rank ${rank} of ${among ?? 0} known there, of which the best ${quota ?? 0} go on`;
  const became = goesOn ? "promoted" : isLast && quota === 0 ? "trained to the end" : "rests";
  return `${head}; ${became} by ${story.scheduler ?? "no scheduler"}: ${place}.`;
}

function attemptLines(attempts: readonly Attempt[], { allowed, trial }: TrialStory): string[] {
  if (attempts.length === 0) {
    return [
      trial.state === "waiting"
        ? "Nothing of it has ended yet."
        : "No attempt is recorded under its number: an equal setting was trained before, or the journal is older.",
    ];
  }
  const failed = attempts.filter(({ failure }) => failure !== undefined);
  const total = attempts.reduce((sum, { from, to }) => sum + to - from, 0);
  return [
    `${attempts.length} attempt${attempts.length === 1 ? "" : "s"}, ${duration(1000 * total)} of work${failed.length === 0 ? ", none failed." : ":"}`,
    ...failed.map(({ key, attempt, worker, failure, message, triedAgain }) => {
      const where = `rung ${key.rung}, fold ${key.fold}, network ${key.unit}`;
      const most = allowed[failure ?? ""] ?? 1;
      const then =
        triedAgain === true
          ? `tried again, as ${failure ?? ""} is up to ${most} times`
          : `not tried again: ${failure ?? ""} gets ${most} attempt${most === 1 ? "" : "s"}`;
      return `  attempt ${attempt} at ${where} on ${worker}: ${failure ?? ""}, ${message ?? ""} (${then})`;
    }),
  ];
}

/** `no trial`, `trial 3`, `trials 0 to 4 and 7`. */
function listed(numbers: readonly number[], noun: string): string {
  const ranges: [number, number][] = [];
  for (const one of numbers.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && last[1] === one - 1) last[1] = one;
    else ranges.push([one, one]);
  }
  if (ranges.length === 0) return `no ${noun}`;
  const texts = ranges.map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`));
  const shown = texts.length > 12 ? [...texts.slice(0, 11), `${texts.length - 11} more`] : texts;
  const last = shown.pop() ?? "";
  const all = shown.length === 0 ? last : `${shown.join(", ")} and ${last}`;
  return `${noun}${numbers.length === 1 ? "" : "s"} ${all}`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
