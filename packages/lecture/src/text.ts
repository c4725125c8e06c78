/** A text in the languages of the gallery. */
export interface Text {
  readonly en: string;
  readonly zh: string;
}

export type Language = keyof Text;

/** What the gallery speaks. */
export const LANGUAGES = ["en", "zh"] as const satisfies readonly Language[];

/** A text, English first; symbols need no second form. */
export function say(en: string, zh = en): Text {
  return { en, zh };
}
