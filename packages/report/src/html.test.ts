import fc from "fast-check";
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { escape, html } from "./html.ts";

// No control or directional characters (they are replaced), no lone surrogates, no carriage return
// (which any parser turns into a line feed).
const texts = fc
  .string({ unit: "grapheme" })
  .filter((text) => !/(?![\t\n])[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(text));

test("any text is found again as text, in an element and in an attribute", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const { markup } = html`<p title="${text}">${text}</p>`;
      const paragraph = parseHTML(`<html><body>${markup}</body></html>`).document.querySelector(
        "p",
      );
      expect(paragraph?.textContent).toBe(text);
      expect(paragraph?.getAttribute("title")).toBe(text);
      expect(paragraph?.children).toHaveLength(0);
    }),
  );
});

test("markup is kept, lists are joined, null and false leave nothing", () => {
  const items = ["<a>", "b"].map((item) => html`<i>${item}</i>`);
  expect(html`${items}${null}${false}`.markup).toBe("<i>&lt;a&gt;</i><i>b</i>");
});

test("characters that hide or turn text round are shown as such", () => {
  expect(escape("a\u202eb\u0000c\td")).toBe("a\ufffdb\ufffdc\td");
});
