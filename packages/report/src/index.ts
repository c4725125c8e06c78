export { renderAnalysis, renderReport } from "./render.ts";
