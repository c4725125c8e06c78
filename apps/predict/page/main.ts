import { encodeRows, inputsFromRecords } from "@manyfold/data";
import { openArtifact, type Prediction } from "@manyfold/ensemble";
import { answerView, memberTable } from "./answer.ts";
import { csvDrop } from "./csv.ts";
import { h, section } from "./elements.ts";
import { form, type Row, typicalRow } from "./form.ts";
import { lawView } from "./law.ts";
import { pad, pictureOf } from "./pad.ts";
import { whatIf } from "./what-if.ts";

function inlined(id: string): Uint8Array {
  const text = document.getElementById(id)?.textContent ?? "";
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function start(): void {
  const ensemble = openArtifact(inlined("manifest"), inlined("weights"), "this page");
  const { manifest } = ensemble;
  const { preprocessing, members, analysis } = manifest;
  const { target } = preprocessing;
  const predict = (rows: Row[]): Prediction =>
    ensemble.predict(encodeRows(preprocessing, inputsFromRecords(preprocessing, rows)));

  const said = h("div", { id: "answer", "aria-live": "polite" });
  const table = h("div", {});
  const sweep = whatIf(preprocessing, predict);
  const picture = pictureOf(preprocessing);
  let row = typicalRow(preprocessing);
  const update = () => {
    try {
      const prediction = predict([row]);
      said.replaceChildren(answerView(preprocessing, prediction));
      table.replaceChildren(memberTable(target, prediction));
      sweep.show(row);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      said.replaceChildren(h("p", { class: "error", role: "alert" }, message));
    }
  };
  const fields = form(preprocessing, (next) => {
    row = next;
    drawing?.show(row);
    update();
  });
  const drawing =
    picture === null
      ? null
      : pad(picture, (next) => {
          row = next;
          fields.show(row);
          update();
        });

  const back = h("button", { type: "button" }, "Back to a typical row");
  back.addEventListener("click", () => {
    row = typicalRow(preprocessing);
    fields.show(row);
    drawing?.show(row);
    update();
  });
  const inputs =
    drawing === null
      ? section("Inputs", "Move a slider; the prediction follows at once.", fields.element, back)
      : section(
          "Draw",
          `One ${target.task === "classification" ? target.column : "picture"}, as large as the square allows.`,
          drawing.element,
          h("details", {}, h("summary", {}, "Pixel by pixel"), fields.element, back),
        );
  drawing?.show(row);

  const what =
    target.task === "classification"
      ? `which ${target.column} a row is (${target.classes.length} classes)`
      : target.columns.map(({ name }) => name).join(", ");
  const main = document.querySelector("main") ?? document.body;
  const column = h("div", { class: "column" });
  const other = h("div", { class: "column" });
  main.append(
    h(
      "header",
      {},
      h("h1", {}, manifest.name),
      h(
        "p",
        {},
        `${members.length} neural networks, trained apart, predict ${what}. All of it is computed in this page; nothing is sent anywhere.`,
      ),
    ),
    column,
    other,
  );
  column.append(inputs);
  other.append(
    section(
      "Prediction",
      "The bar is the ensemble, each dot one member: the closer the dots, the surer it is.",
      said,
      h("details", {}, h("summary", {}, "Member by member"), table),
    ),
  );
  if (sweep.any) {
    column.append(
      section(
        "What if",
        "One input runs over its training values, the others stay. Thin lines are members.",
        sweep.element,
      ),
    );
  }
  if (analysis !== null) {
    other.append(
      section("Why the average wins", "Error of the first k members together.", lawView(analysis)),
    );
  }
  main.append(
    section(
      "Many rows",
      `A CSV with the columns ${preprocessing.inputs
        .slice(0, 4)
        .map(({ name }) => name)
        .join(", ")}${preprocessing.inputs.length > 4 ? ", ..." : ""} comes back with predictions.`,
      csvDrop(ensemble),
    ),
  );
  update();
}

start();
