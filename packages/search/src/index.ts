export { checkSearch, searchComplaints } from "./check.ts";
export { applyParams } from "./params.ts";
export { ask, isAdaptive, samplers, trialsOf } from "./samplers.ts";
export type { Observation, Question, SamplerName, SamplerRule } from "./samplers.ts";
export { axisOf } from "./space.ts";
export type { Axis } from "./space.ts";
