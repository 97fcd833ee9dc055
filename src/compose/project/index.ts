export { networkHash, serviceHash, volumeHash } from "./hash.ts";
export { type LoadOptions, loadProject, loadUninterpolated } from "./load/load-project.ts";
export type { ProjectOptions } from "./load/options.ts";
export { checkName, normalizeName } from "./name.ts";
export { findCycle } from "./normal/cycles.ts";
export { ComposeError, describe, type Problem } from "./problem.ts";
export { enabledBy, selectServices } from "./profiles.ts";
export type { Project, Table } from "./project.ts";
export { renderProject, renderUninterpolated } from "./render/config.ts";
