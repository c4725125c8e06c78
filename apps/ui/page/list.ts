import type { Count, RunsEvent, RunSummary } from "../src/rows.ts";
import { bar, h } from "./elements.ts";
import { ago, count, counted, short } from "./format.ts";
import { follow } from "./follow.ts";

/** The page of all runs; gives back what ends it. */
export function listPage(main: HTMLElement): () => void {
  document.title = "Manyfold runs";
  const runs = new Map<string, RunSummary>();
  const state = h("p", { class: "hint", "aria-live": "polite" }, "Connecting ...");
  const list = h("ul", { class: "runs" });
  main.replaceChildren(h("header", {}, h("h1", {}, "Runs"), state), list);

  const draw = () => {
    const all = [...runs.values()].sort((a, b) => b.started - a.started);
    const running = all.filter(({ status }) => status === "running").length;
    state.textContent =
      all.length === 0
        ? "No runs yet: manyfold run makes one, and it appears here."
        : `${counted(all.length, "run")}, ${count(running)} under way; the newest first.`;
    list.replaceChildren(...all.map(card));
  };
  const stop = follow<RunsEvent>("/api/runs", "runs", {
    event: (event) => {
      if (event.reset) runs.clear();
      for (const run of event.runs) runs.set(run.id, run);
      for (const id of event.gone) runs.delete(id);
    },
    draw,
    lost: () => {
      state.textContent = "The server does not answer; trying again.";
    },
  });
  return stop;
}

function card(run: RunSummary): HTMLElement {
  const { id, name, status, trials, members, best, metric, updated } = run;
  const facts = [
    ...(trials ? [progress("trial", trials)] : []),
    ...(members.total > 0 ? [progress("member", members)] : []),
  ];
  const said = best === null ? "" : `best ${metric ?? ""} ${short(best)}`;
  return h(
    "li",
    { "data-run": id },
    h(
      "a",
      { href: `#/runs/${encodeURIComponent(id)}` },
      h("span", { class: "name" }, h("b", {}, name), h("small", {}, id)),
      h("span", { class: `pill ${status}` }, status),
      h("span", { class: "facts" }, ...facts),
      h("span", { class: "last" }, said, h("small", {}, ago(updated, Date.now()))),
    ),
  );
}

/** How many of how many, with a bar. */
export function progress(noun: string, { done, total, failed }: Count): HTMLElement {
  const bad = failed > 0 ? `, ${count(failed)} failed` : "";
  const text = `${count(done)} of ${counted(total, noun)}${bad}`;
  return h("span", { class: "progress" }, bar(total === 0 ? 0 : done / total, noun), text);
}
