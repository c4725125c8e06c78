// The gallery: the lecture's rows, measured.
export { galleryDocument, ROWS, rowsNamed, runRow } from "./gallery.ts";
export type { GalleryDocument, Result } from "./gallery.ts";
export { describeResult, renderGallery } from "./page.ts";
export type { Check, Finding, Materials, Plot, Row, Series } from "./row.ts";
export { LANGUAGES } from "./text.ts";
export type { Language, Text } from "./text.ts";

// Networks explained.
export { explain } from "./explain/explain.ts";
export type { Explanation, ExplainJob } from "./explain/explain.ts";
export { describeExplanation, renderExplanation } from "./explain/page.ts";
export { jacobian } from "./explain/graph.ts";
export type { ListedGraph, ListedNode, ModeCosts } from "./explain/graph.ts";
export type { LayerPass, SamplePass } from "./explain/backprop.ts";
