/** One container of a service: a command in it, files in and out of it, one of its own. */
export { type CommitOptions, commit } from "./commit.ts";
export { type CopyOptions, type CopyPlan, planCopy } from "./copy.ts";
export { type ExecOptions, type PreparedExec, prepareExec } from "./exec.ts";
export { exportFiles } from "./export.ts";
export type { RunOverrides } from "./overrides.ts";
export { type PreparedRun, prepareRun, type RunOptions } from "./prepare-run.ts";
export { type ContainerChoice, containersOfService, oneOfService } from "./service-container.ts";
