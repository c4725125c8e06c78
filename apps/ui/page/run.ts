import type { MemberRow, RunEvent, WorkerRow } from "../src/rows.ts";
import { chart, dots, line, rangeOf, steps } from "./chart.ts";
import { bar, h, section, table } from "./elements.ts";
import { follow } from "./follow.ts";
import { ago, count, counted, duration, short } from "./format.ts";
import { progress } from "./list.ts";
import { createStore, ranked, take, type Scored, type Store } from "./store.ts";

/** Dots of the history, rows of the tables. */
const DOTS = 800;
const LEADERS = 12;
const MEMBERS = 200;
const WORKERS = 64;

/** The page of one run; gives back what ends it. */
export function runPage(main: HTMLElement, id: string): () => void {
  document.title = `${id} - Manyfold`;
  const store = createStore();
  const title = h("h1", {}, id);
  const state = h("p", { class: "hint", "aria-live": "polite" }, "Connecting ...");
  const tiles = h("div", { class: "tiles" });
  const parts = {
    history: section("history", "The search so far"),
    leaders: section("leaders", "Leading trials"),
    curves: section("curves", "Loss curves"),
    members: section("members", "Members"),
    workers: section("workers", "Workers"),
  };
  main.replaceChildren(
    h("nav", {}, h("a", { href: "#/" }, "All runs")),
    h("header", {}, title, state, tiles),
    h("div", { class: "columns" }, ...Object.values(parts).map(({ element }) => element)),
  );
  const draw = () => {
    const { head } = store;
    if (!head) return;
    const { summary, report } = head;
    title.replaceChildren(
      summary.name,
      " ",
      h("span", { class: `pill ${summary.status}` }, summary.status),
    );
    const address = `/runs/${encodeURIComponent(id)}/report.html`;
    const more = store.left > 0 ? ` Reading: ${count(store.left)} changes to go.` : "";
    state.replaceChildren(
      about(store),
      more,
      ...(report ? [" ", h("a", { href: address }, "Open its report")] : []),
    );
    tiles.replaceChildren(...tilesOf(store));
    const best = ranked(store);
    drawHistory(parts.history, store, best);
    drawLeaders(parts.leaders, store, best);
    drawCurves(parts.curves, store);
    drawMembers(parts.members, store);
    drawWorkers(parts.workers, store);
  };
  return follow<RunEvent>(`/api/runs/${encodeURIComponent(id)}`, "rows", {
    event: (event) => take(store, event),
    draw,
    lost: () => {
      state.textContent = "The server does not answer; trying again.";
    },
    gone: () => {
      state.textContent = "There is no such run, or its folder was removed.";
      for (const part of Object.values(parts)) part.show("");
      tiles.replaceChildren();
    },
  });
}

type Part = ReturnType<typeof section>;

function about({ head }: Store): string {
  if (!head) return "";
  const { task, source, sampler, scheduler, variant } = head;
  const search =
    sampler === null ? "" : `, ${sampler} search${scheduler === null ? "" : ` with ${scheduler}`}`;
  return `${task} on ${source}${search}; ${variant} kernels.`;
}

function tilesOf({ head }: Store): HTMLElement[] {
  if (!head) return [];
  const { summary, attempts, trainSeconds } = head;
  const { trials, members, best, metric, started, updated, status } = summary;
  const tile = (name: string, value: string | HTMLElement, note: string) =>
    h("div", { class: "tile" }, h("span", {}, name), h("b", {}, value), h("small", {}, note));
  const end = status === "running" ? Date.now() : updated;
  const done = (trials?.done ?? 0) + members.done;
  const total = (trials?.total ?? 0) + members.total;
  const left = done > 0 && done < total ? ((end - started) / done) * (total - done) : 0;
  const rest =
    status === "running" && left > 0
      ? `about ${duration(left / 1000)} left`
      : ago(updated, Date.now());
  return [
    ...(trials ? [wide(progress("trial", trials))] : []),
    ...(members.total > 0 ? [wide(progress("member", members))] : []),
    ...(best === null
      ? []
      : [
          tile(
            `best ${metric ?? ""}`,
            short(best),
            head.direction === "minimise" ? "lower is better" : "higher is better",
          ),
        ]),
    tile("running for", duration((end - started) / 1000), rest),
    tile("training", duration(trainSeconds), `over ${count(attempts)} attempts`),
  ];
}

function wide(content: HTMLElement): HTMLElement {
  return h("div", { class: "tile wide" }, content);
}

function drawHistory(part: Part, { head }: Store, best: readonly Scored[]): void {
  if (!head || best.length < 2) return part.show("");
  const goodIsLow = head.direction === "minimise";
  const range = rangeOf(
    best.map(({ value }) => value),
    goodIsLow,
  );
  const inside = best.filter(({ value }) => value >= range.low && value <= range.high);
  const front = inside.slice(0, DOTS / 4);
  const others = inside.slice(DOTS / 4).sort((a, b) => a.trial - b.trial);
  const step = Math.ceil(others.length / (DOTS - DOTS / 4));
  const shown = [...front, ...others.filter((_, at) => at % step === 0)];
  const inOrder = best.toSorted((a, b) => a.trial - b.trial);
  const last = inOrder.at(-1)?.trial ?? 1;
  let reached = goodIsLow ? Infinity : -Infinity;
  const soFar = inOrder.flatMap(({ trial, value }): [number, number][] => {
    const next = goodIsLow ? Math.min(reached, value) : Math.max(reached, value);
    if (next === reached && trial !== last) return [];
    reached = next;
    return [[trial, Math.min(Math.max(next, range.low), range.high)]];
  });
  const metric = head.summary.metric ?? "value";
  const drawing = chart(
    `${metric} of ${count(best.length)} trials in order, and the best so far`,
    { low: 0, high: Math.max(last, 1), name: "trial" },
    {
      ...range,
      name: `${metric}, ${goodIsLow ? "lower" : "higher"} is better${range.log ? " (log scale)" : ""}`,
    },
  );
  dots(
    drawing,
    shown.map(({ trial, value }) => [trial, value]),
    shown.length > 300 ? "fine" : "",
  );
  steps(drawing, soFar, "best");
  const leader = best[0];
  if (leader) dots(drawing, [[leader.trial, leader.value]], "leader");
  const rule =
    step > 1
      ? ` Drawn are the best ${count(front.length)} and one in ${count(step)} of the others.`
      : "";
  part.show(`Each dot is a trial, the line the best so far.${rule}`, drawing.svg);
}

function drawLeaders(part: Part, { head }: Store, best: readonly Scored[]): void {
  if (!head || best.length === 0) return part.show("");
  const { scheduler } = head;
  const rows = best.slice(0, LEADERS);
  // Those that count in one of them at least.
  const places = [...head.parameters.keys()].filter((at) =>
    rows.some(({ values }) => (values[at] ?? null) !== null),
  );
  const parameters = places.map((at) => head.parameters[at] ?? "");
  const metric = head.summary.metric ?? "value";
  const looks = scheduler === null ? [] : ["looks"];
  const columns = ["trial", metric, "±", ...looks, ...parameters.map(lastPart)];
  const cells = rows.map(({ trial, value, error, looks: passed, values }) => [
    count(trial),
    short(value),
    error === null ? "" : short(error),
    ...(scheduler === null ? [] : [count(passed)]),
    ...places.map((at) => {
      const chosen = values[at] ?? null;
      return typeof chosen === "number" ? short(chosen) : chosen === null ? "" : String(chosen);
    }),
  ]);
  const shown = table(
    `The best ${count(rows.length)} of ${count(best.length)} trials`,
    columns,
    cells,
    () => true,
  );
  shown.querySelectorAll("th").forEach((cell, at) => {
    const name = parameters[at - 3 - looks.length];
    if (name !== undefined) cell.title = name;
  });
  part.show("Hold the pointer over a name for the whole of it.", shown);
}

function lastPart(name: string): string {
  return name.split(".").slice(-2).join(".");
}

function drawCurves(part: Part, { curves, head }: Store): void {
  const members = [...curves.values()].filter((row) => row.of === "member");
  const shown = members.length > 0 ? members : [...curves.values()];
  if (shown.length === 0) return part.show("");
  const all = shown.flatMap(({ points }) => points);
  const held = all.some(([, , own]) => own !== null);
  const losses = all.flatMap(([, train, own]) => (own === null ? [train] : [train, own]));
  const range = rangeOf(losses);
  const last = all.reduce((most, [epoch]) => Math.max(most, epoch), 1);
  const objective = head?.task === "objective";
  const drawing = chart(
    `Losses of ${count(shown.length)} trainings over their epochs`,
    { low: Math.min(1, last - 1), high: last, name: objective ? "step" : "epoch" },
    {
      ...range,
      name: `${objective ? "reported value" : "loss"}${range.log ? " (log scale)" : ""}`,
    },
  );
  const within = (value: number) => Math.min(Math.max(value, range.low), range.high);
  for (const { points } of shown) {
    line(
      drawing,
      points.map(([epoch, train]) => [epoch, within(train)]),
      "train",
    );
    const own = points.flatMap(([epoch, , loss]): [number, number][] =>
      loss === null ? [] : [[epoch, within(loss)]],
    );
    if (own.length > 0) line(drawing, own, "held");
  }
  const whose =
    members.length > 0
      ? `the first ${counted(members.length, "member")} that ended`
      : "the trials in front";
  part.show(
    `Training loss${held ? " (blue) and held-out loss (orange)" : ""} of ${whose}; each appears when it has ended.`,
    drawing.svg,
  );
}

function drawMembers(part: Part, { members }: Store): void {
  if (members.size === 0) return part.show("");
  const all = [...members.values()].sort((a, b) => a.member - b.member);
  const has = all.some(({ held }) => held !== null);
  const number = (value: number | null) => (value === null ? "" : short(value));
  const cells = ({ member, state, epoch, train, held, seconds, worker, failure }: MemberRow) => [
    count(member),
    h("span", { class: state }, failure ?? state),
    number(train),
    ...(has ? [number(held)] : []),
    number(epoch),
    duration(seconds),
    worker,
  ];
  const head = ["member", "state", "loss", ...(has ? ["held out"] : []), "epoch", "took", "worker"];
  const cut =
    all.length > MEMBERS
      ? `The first ${count(MEMBERS)} of ${count(all.length)} members`
      : counted(all.length, "member");
  part.show(
    "The members of the final fit, as they end.",
    table(cut, head, all.slice(0, MEMBERS).map(cells), (at) => at !== 1 && at !== head.length - 1),
  );
}

function drawWorkers(part: Part, { workers }: Store): void {
  if (workers.size === 0) return part.show("");
  const all = [...workers.values()].sort((a, b) =>
    a.worker.localeCompare(b.worker, "en", { numeric: true }),
  );
  const most = Math.max(...all.map(({ seconds }) => seconds), 1e-9);
  const now = Date.now();
  const cells = ({ worker, done, failed, seconds, last }: WorkerRow) => [
    worker,
    count(done),
    failed === 0 ? "" : h("span", { class: "failed" }, count(failed)),
    h(
      "span",
      { class: "progress" },
      bar(seconds / most, "share of the busiest"),
      duration(seconds),
    ),
    ago(last, now),
  ];
  const cut =
    all.length > WORKERS
      ? `The first ${count(WORKERS)} of ${count(all.length)} workers`
      : counted(all.length, "worker");
  part.show(
    "What each has done; the bar is its time at work beside that of the busiest.",
    table(
      cut,
      ["worker", "done", "failed", "at work", "last heard"],
      all.slice(0, WORKERS).map(cells),
      (at) => at === 1 || at === 2,
    ),
  );
}
