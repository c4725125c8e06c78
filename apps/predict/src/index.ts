export { createPredictServer, startPredictServer } from "./server.ts";
export type { PredictServer, PredictServerOptions, StartOptions } from "./server.ts";
export { renderPage } from "./page.ts";
export type { PageArtifact } from "./page.ts";
export { DEFAULT_LIMITS } from "./limits.ts";
export type { Limits } from "./limits.ts";
export { ErrorAnswer } from "./failure.ts";
export { ModelAnswer } from "./model.ts";
export type { PredictAnswer } from "./answer.ts";
