import { ReportDocument } from "@manyfold/protocol";
import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import { renderReport } from "./render.ts";
import * as examples from "./testing/index.ts";

const always = ["learning", "settings", "provenance"];
const scored = ["calibration", "hardest"];
const ranked = ["abstention", ...scored];
const explained = ["law", "curve", "members", "correlation", "comparison", "parts", ...ranked];
const classes = ["confusion", "margins"];
const voting = [...classes, "diversity"];

type Name = keyof typeof examples;

/** Each example document and the sections that its page must have, no more and no fewer. */
const expected: { readonly [N in Name]: readonly string[] } = {
  bagReport: [...always, ...explained, ...voting, "conformal", "oob", "notes"],
  dropoutReport: [...always, ...explained, ...voting],
  regressionReport: [...always, ...explained, "growth", "residuals", "oob"],
  searchReport: [...always, ...explained, ...voting, "search", "timeline"],
  schedulerReport: [...always, ...explained, ...voting, "search", "timeline"],
  singleReport: [...always, ...ranked, ...classes, "law"],
  trainingRowsReport: [...always, ...explained, ...voting, "conformal", "oob", "notes"],
  failedReport: [...always, "members"],
};

const pages = Object.entries(examples).map(([name, make]) => {
  const document = make();
  return { name, sections: expected[name as Name], document, page: renderReport(document) };
});

const voids = new Set(["meta", "link", "br", "wbr", "img", "input", "hr"]);

/** Tags that open without closing or close without opening, by name; none in a sound page. */
function unbalanced(page: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [tag, slash, name = ""] of page.matchAll(/<(\/?)([a-z][\w-]*)(?:"[^"]*"|[^">])*>/gi)) {
    if (voids.has(name) || tag.endsWith("/>")) continue;
    if (slash === "") open.push(name);
    else if (open.pop() !== name) wrong.push(tag);
  }
  return [...wrong, ...open];
}

describe.each(pages)("$name", ({ sections, document: report, page }) => {
  const { document } = parseHTML(page);
  const all = (selector: string) => [...document.querySelectorAll(selector)];

  test("starts from a valid document", () => {
    expect(ReportDocument.parse(report)).toEqual(report);
  });

  test("has the sections it should have", () => {
    const shown = all("section").map(({ id }) => id);
    expect(new Set(shown)).toEqual(new Set(sections));
    expect(shown).toHaveLength(sections.length);
    expect(all("h1").map(({ textContent }) => textContent)).toEqual([report.result.name]);
  });

  test("is sound markup", () => {
    expect(unbalanced(page)).toEqual([]);
    const ids = all("[id]").map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const named = all("[aria-labelledby]").map((each) => each.getAttribute("aria-labelledby"));
    const linked = all("a").map((each) => each.getAttribute("href")?.slice(1));
    expect([...named, ...linked].filter((id) => !ids.includes(id ?? ""))).toEqual([]);
  });

  test("holds nothing but numbers where numbers should be", () => {
    expect(page.match(/NaN|undefined|Infinity|\[object/g)).toBeNull();
  });

  test("loads nothing and runs nothing", () => {
    expect(page.match(/https?:/g)).toBeNull();
    expect(all("script, link, img, iframe, object, [src], [onload], [onerror]")).toEqual([]);
    expect(page.match(/@import|url\(/g)).toBeNull();
  });

  test("can be understood without seeing it", () => {
    for (const picture of all("svg")) {
      expect(picture.getAttribute("role")).toBe("img");
      expect(picture.getAttribute("aria-label")?.length).toBeGreaterThan(10);
    }
    for (const figure of all("figure")) {
      expect(figure.querySelector("figcaption")?.textContent?.length).toBeGreaterThan(40);
    }
    for (const each of all("table")) {
      expect(each.querySelector("caption")?.textContent).toBeTruthy();
      expect(each.querySelectorAll("thead th[scope=col]").length).toBeGreaterThan(0);
    }
  });

  test("is the same bytes for the same document", () => {
    expect(renderReport(structuredClone(report)) === page).toBe(true);
  });
});

test("names the failed member with code, epoch and layer, and counts the others", () => {
  const bag = pages.find(({ name }) => name === "bagReport");
  const text = parseHTML(bag?.page ?? "").document.body.textContent ?? "";
  const plainText = text.replace(/\s+/g, " ");
  expect(plainText).toContain("31 of 32 members completed");
  expect(plainText).toContain("Member 13 failed: nan in epoch 7, first in layer dense1");
});

test("says that an analysis on training rows flatters, and that a failed run has no result", () => {
  const says = (name: Name, text: string) =>
    pages.find((each) => each.name === name)?.page.includes(text);
  expect(says("trainingRowsReport", "measured on the training rows")).toBe(true);
  expect(says("bagReport", "measured on the training rows")).toBe(false);
  expect(says("failedReport", "There is no result")).toBe(true);
  expect(says("failedReport", "Not reproducible to the bit")).toBe(true);
});

test("texts of users cannot become markup", () => {
  const attack = `"><script>alert(1)</script><img src=x onerror=alert(2)>'&lt;\u202e`;
  const poisoned = (value: unknown, name = ""): unknown => {
    // Hashes and words of the format stay; whatever a user or a machine names is replaced.
    if (typeof value === "string") {
      return /^(source|target|name|notes|message|layer|column|reasons|runId|host|id|executor|sampler|metric|unit|sentences|manyfold|node|started|finished)$/.test(
        name,
      )
        ? attack
        : value;
    }
    if (Array.isArray(value)) {
      return value.map((item) => poisoned(item, name === "classes" ? "name" : name));
    }
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        name === "params" || name === "space" ? `${attack}${key}` : key,
        poisoned(item, key),
      ]),
    );
  };
  for (const make of Object.values(examples)) {
    const page = renderReport(poisoned(make()) as ReportDocument);
    const { document } = parseHTML(page);
    expect(page.match(/.{30}(?:<script|<img|\u202e)/)?.[0]).toBeUndefined();
    expect(document.querySelectorAll("script, img, [onerror]").length).toBe(0);
    expect(unbalanced(page)).toEqual([]);
    expect(document.querySelector("h1")?.textContent).toContain("<script>alert(1)</script>");
  }
});

describe("size", () => {
  const bytes = (document: ReportDocument) => Buffer.byteLength(renderReport(document));

  test("32 members stay well below a megabyte and a half", () => {
    expect(bytes(examples.bagReport(32))).toBeLessThan(400_000);
  });

  test("128 members with their maps do too", () => {
    expect(bytes(examples.bagReport(128))).toBeLessThan(1_500_000);
  });

  test("long trainings and large searches are thinned", () => {
    const document = examples.searchReport(2000);
    const long = document.result.members.map((row) => ({
      ...row,
      curve: Array.from({ length: 5000 }, (_, at) => ({ epoch: at + 1, train: 1 / (at + 1) })),
    }));
    const result = { ...document.result, members: long };
    expect(bytes({ ...document, result })).toBeLessThan(1_500_000);
    expect(renderReport({ ...document, result }).includes("the best 200 of 2,000")).toBe(true);
  });

  test("10,000 trials are drawn by stated rules, on a page of less than two megabytes", () => {
    const page = renderReport(examples.schedulerReport(10_000));
    expect(Buffer.byteLength(page)).toBeLessThan(2_000_000);
    const text = (parseHTML(page).document.body.textContent ?? "").replace(/\s+/g, " ");
    expect(text).toContain("Drawn are the best 150 and one in 22 of the others.");
    expect(text).toContain("Bars that touch are drawn as one.");
  });

  test("ten trials have what ten trials can show", () => {
    const { document } = parseHTML(renderReport(examples.searchReport(10)));
    const heads = [...document.querySelectorAll("#search h3")].map((head) => head.textContent);
    for (const head of ["How it went", "How many are how good", "All parameters together"]) {
      expect(heads).toContain(head);
    }
  });
});
