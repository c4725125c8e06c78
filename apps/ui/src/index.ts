export { startUi } from "./server.ts";
export type { UiOptions, UiServer } from "./server.ts";
