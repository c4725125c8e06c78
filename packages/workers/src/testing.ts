// The contract of all executors, and the doubles its tests use.
export { executorContract } from "./testing/executor-contract.ts";
export type {
  ContractOptions,
  ContractSetting,
  ContractSubject,
} from "./testing/executor-contract.ts";
export { expectedResult, fixtures } from "./testing/fixtures.ts";
export type { Fixtures } from "./testing/fixtures.ts";
export { countedTimers } from "./testing/counted-timers.ts";
export type { CountedTimers } from "./testing/counted-timers.ts";
