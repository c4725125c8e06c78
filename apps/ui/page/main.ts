import { listPage } from "./list.ts";
import { runPage } from "./run.ts";

const main = document.querySelector("main") ?? document.body;
let leave: () => void = () => undefined;

/** Shows the page that the address names: `#/runs/ID`, or all runs. */
function show(): void {
  leave();
  const [, id] = /^#\/runs\/(.+)$/.exec(location.hash) ?? [];
  leave = id === undefined ? listPage(main) : runPage(main, decodeURIComponent(id));
}

addEventListener("hashchange", show);
show();
