// The parts that pages are made of, for pages about other things than runs.
export { html, trusted } from "./html.ts";
export type { Content, Html } from "./html.ts";
export { css } from "./style.ts";
export { seriesFigure } from "./figures/series.ts";
export type { SeriesChart } from "./figures/series.ts";
