export { projectFromState } from "./project-from-state.ts";
export { readState } from "./read-state.ts";
export type * from "./state.ts";
