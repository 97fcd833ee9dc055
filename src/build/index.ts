/** Images from Dockerfiles: what a Dockerfile asks for, the graph of work that comes of it, and the work. */
export { BuildFailed } from "./build-failed.ts";
export type { Builder } from "./builder.ts";
export type * from "./builder-contract.ts";
export {
  type CacheMounts,
  type CachePolicy,
  defaultKeepBytes,
  defaultPolicy,
  type PolicyRule,
} from "./cache/index.ts";
export { BuildControl } from "./control/index.ts";
export * from "./dockerfile/index.ts";
export * from "./graph/index.ts";
export { type OpenBuilderOptions, openBuilder } from "./open-builder.ts";
export {
  type RunDefaults,
  type RunMachine,
  RunOperation,
  type RunParts,
  sweepRuns,
} from "./operations/run.ts";
export type * from "./ports.ts";
export { ClassicProgress } from "./progress/classic.ts";
export type { BuildEvent, Report } from "./progress/events.ts";
export { SessionBuilds } from "./session/session-builds.ts";
export type { OperationKind } from "./solve/contract.ts";
