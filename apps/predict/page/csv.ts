import { encodeRows, inputsFromCells } from "@manyfold/data";
import { csvLine, type LoadedEnsemble, predictionTable } from "@manyfold/ensemble";
import { parse } from "csv-parse/browser/esm/sync";
import { h } from "./elements.ts";

/** The delimiter that the first line has most of. */
function delimiterOf(text: string): string {
  const [first = ""] = text.split(/\r?\n/, 1);
  const count = (mark: string) => first.split(mark).length;
  return [",", ";", "\t"].reduce((best, mark) => (count(mark) > count(best) ? mark : best));
}

/** A CSV text predicted: the table that `manyfold predict` writes. */
function predictText(ensemble: LoadedEnsemble, text: string, source: string) {
  const records = parse(text, {
    bom: true,
    delimiter: delimiterOf(text),
    skip_empty_lines: true,
  });
  const [header = [], ...rows] = records;
  const cells = {
    source,
    header: header.map((name) => name.trim()),
    rows,
    lines: rows.map((_, i) => i + 2),
  };
  const { preprocessing } = ensemble.manifest;
  const x = encodeRows(preprocessing, inputsFromCells(preprocessing, cells));
  const table = predictionTable(preprocessing.target, ensemble.predict(x));
  return [table.header, ...table.rows()];
}

const SHOWN = 8;

/** A place to drop a CSV; what comes back is shown and can be saved. */
export function csvDrop(ensemble: LoadedEnsemble): HTMLElement {
  const input = h("input", { type: "file", accept: ".csv,text/csv", id: "csv" });
  const result = h("div", { id: "csv-result", "aria-live": "polite" });
  const zone = h(
    "label",
    { class: "drop", for: "csv" },
    "Drop a CSV file here, or choose one.",
    input,
  );
  const take = async (file: File) => {
    try {
      const lines = predictText(ensemble, await file.text(), file.name);
      const text = lines.map((cells) => `${csvLine(cells)}\n`).join("");
      const href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
      const name = `${file.name.replace(/\.csv$/i, "")}-predicted.csv`;
      const [head = [], ...rows] = lines;
      result.replaceChildren(
        h(
          "p",
          {},
          `${rows.length} rows predicted. `,
          h("a", { href, download: name }, `Save ${name}`),
        ),
        h(
          "div",
          { class: "scroll" },
          h(
            "table",
            {},
            h("tr", {}, ...head.map((cell) => h("th", {}, cell))),
            ...rows
              .slice(0, SHOWN)
              .map((cells) => h("tr", {}, ...cells.map((cell) => h("td", {}, cell.slice(0, 9))))),
          ),
        ),
      );
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      result.replaceChildren(h("p", { class: "error", role: "alert" }, message));
    }
  };
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    if (file !== undefined) void take(file);
  });
  zone.addEventListener("dragover", (event) => event.preventDefault());
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer?.files ?? [];
    if (file !== undefined) void take(file);
  });
  return h("div", {}, zone, result);
}
