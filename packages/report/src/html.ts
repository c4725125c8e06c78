/** Markup that is safe to put into a page as it is. */
export interface Html {
  readonly markup: string;
}

/** What a template takes. Numbers are not among them: they go through `format.ts` first. */
export type Content = string | Html | null | false | readonly Content[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Control characters have no place in a page, and the directional ones could make a name read as
 * another: they are shown as a replacement character.
 */
const unprintable = /(?![\t\n\r])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** Replaces what cannot be seen, or turns text round, by a character that can be seen. */
export function visible(text: string): string {
  return text.replace(unprintable, "\ufffd");
}

/** Text as markup, for element content and for quoted attributes. */
export function escape(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

function markupOf(content: Content): string {
  if (content === null || content === false) return "";
  if (typeof content === "string") return escape(content);
  return "markup" in content ? content.markup : content.map(markupOf).join("");
}

/** A template whose values are escaped unless they are {@link Html} themselves. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  let markup = parts[0] ?? "";
  values.forEach((value, index) => {
    markup += markupOf(value) + (parts[index + 1] ?? "");
  });
  return { markup };
}

/** Markup made by a library that escapes for itself (SVG), or a constant of ours. */
export function trusted(markup: string): Html {
  return { markup };
}
