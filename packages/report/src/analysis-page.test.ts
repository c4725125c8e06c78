import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { AnalysisDocument } from "@manyfold/protocol";
import { renderAnalysis } from "./render.ts";
import { bagReport } from "./testing/index.ts";

/** A run's scores as a table from elsewhere would give them. */
function elsewhere(on: AnalysisDocument["analysis"]["on"]): AnalysisDocument {
  const { result } = bagReport();
  const { analysis, observatory, metrics } = result;
  if (!analysis || !observatory || !metrics.test) throw new Error("The bag is scored.");
  return AnalysisDocument.parse({
    version: 1,
    source: { name: "others <b>.csv", rows: analysis.rows },
    target: result.data.preprocessing.target,
    members: analysis.members.map(({ member }) => `model ${member}`),
    notes: ["A note."],
    metrics: metrics.test,
    comparison: result.comparison,
    analysis: { ...analysis, on },
    observatory,
    confusion: result.confusion,
    residuals: result.residuals,
  });
}

test("predictions from elsewhere get the figures of a run, and no claim about their rows", () => {
  const page = renderAnalysis(elsewhere("unknown"), "0.1.0");
  const { document } = parseHTML(page);
  const ids = [...document.querySelectorAll("section")].map(({ id }) => id);
  for (const id of ["law", "curve", "members", "correlation", "diversity", "abstention"]) {
    expect(ids).toContain(id);
  }
  expect(ids).not.toContain("provenance");
  expect(page).not.toContain("others <b>");
  const text = document.querySelector("main")?.textContent ?? "";
  expect(text).toContain("Nothing is said of these rows");
  expect(text).toContain("0 model 0, 1 model 1");
  expect(document.querySelector("#law")?.textContent).not.toContain("test row");
  expect(renderAnalysis(elsewhere("validation"), "0.1.0")).toContain("validation rows");
});
