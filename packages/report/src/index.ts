export { renderContest } from "./contest.ts";
export { renderAnalysis, renderReport } from "./render.ts";
