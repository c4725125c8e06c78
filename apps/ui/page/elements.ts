type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;
type Child = Node | string;

const SVG = "http://www.w3.org/2000/svg";

function fill<E extends Element>(
  element: E,
  attributes: Attributes,
  children: readonly Child[],
): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/** An HTML element. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** A section with a heading, a line that says what it shows, and a place for its content. */
export function section(id: string, title: string) {
  const hint = h("p", { class: "hint" });
  const body = h("div", {});
  const element = h("section", { id, hidden: true }, h("h2", {}, title), hint, body);
  return {
    element,
    /** Shows it, or hides it where there is nothing. */
    show(explanation: string, ...content: readonly Child[]) {
      element.hidden = content.length === 0;
      hint.textContent = explanation;
      body.replaceChildren(...content);
    },
  };
}

/** A table; the cells of a row as texts or elements, numbers to the right. */
export function table(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly Child[])[],
  numbers: (column: number) => boolean,
): HTMLElement {
  const side = (column: number) => (numbers(column) ? "number" : "text");
  return h(
    "div",
    { class: "scroll", role: "region", "aria-label": caption, tabindex: 0 },
    h(
      "table",
      {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, ...head.map((text, at) => h("th", { class: side(at) }, text)))),
      h(
        "tbody",
        {},
        ...rows.map((row) =>
          h("tr", {}, ...row.map((cell, at) => h("td", { class: side(at) }, cell))),
        ),
      ),
    ),
  );
}

/** How far something is, as a bar. */
export function bar(share: number, label: string): HTMLElement {
  const progress = h("progress", { max: 1, "aria-label": label });
  progress.value = Math.min(1, Math.max(0, share));
  return progress;
}
