export { checkSearch, searchComplaints } from "./check.ts";
export { applyParams } from "./params.ts";
export { ask, beginSearch, isAdaptive, samplers, seenBy, trialsOf } from "./samplers.ts";
export type { Question, SamplerName } from "./samplers.ts";
export type { Learner, Observation, Premise, SamplerRule } from "./sampler.ts";
export { importances } from "./importance.ts";
export type { Importance } from "./importance.ts";
export { axisOf } from "./space.ts";
export type { Axis } from "./space.ts";
