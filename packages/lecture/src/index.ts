// The gallery: the lecture's rows, measured.
export { galleryDocument, ROWS, rowsNamed, runRow } from "./gallery.ts";
export type { GalleryDocument, Result } from "./gallery.ts";
export { describeResult, renderGallery } from "./page.ts";
export type { Check, Finding, Materials, Plot, Row, Series } from "./row.ts";
export { LANGUAGES } from "./text.ts";
export type { Language, Text } from "./text.ts";
