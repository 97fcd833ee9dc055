/** The door of the room that turns a specification into processes. Read `contract.ts` first. */

export type { Cgroups } from "./cgroups/contract.ts";
export { containerStats, hostCgroups, processes } from "./cgroups/host.ts";
export { hostCpu, hostMemoryBytes, networkCounters } from "./cgroups/host-counters.ts";
export { openCgroups } from "./cgroups/open.ts";
export { checkHost } from "./check-host.ts";
export type * from "./contract.ts";
export { RuntimeError } from "./errors.ts";
export { ExitWatcher, type OnExit } from "./exits.ts";
export { hostDevices } from "./host-devices.ts";
export { hostFacts } from "./host-facts.ts";
export { openInput, reopenLog, resizeTerminal } from "./input.ts";
export { findInit } from "./programs.ts";
export { findRuntime, openRuntimes, type RuntimesOptions } from "./runtimes.ts";
export { buildSpec, serializeSpec } from "./spec/build.ts";
export { normalizeCapabilities } from "./spec/capabilities.ts";
export { readCdiRegistry } from "./spec/cdi.ts";
export { checkResources } from "./spec/check-resources.ts";
export { needsCdi } from "./spec/device-requests.ts";
export { mergeEnvironment, processEnvironment } from "./spec/environment.ts";
export { DEFAULT_SHM_SIZE_BYTES } from "./spec/mounts.ts";
export type * from "./spec/oci.ts";
export { DEFAULT_READONLY_PATHS, defaultMaskedPaths } from "./spec/paths.ts";
export { appArmorProfile } from "./spec/process.ts";
export { parseSecurityOptions } from "./spec/security-options.ts";
export { resolveUser } from "./user.ts";
