/** Where a build's files come from: a client's session, a tar, a directory of this machine, git, http. */
export { openContexts } from "./contexts.ts";
export type * from "./contract.ts";
export { type OfferedDirectory, openOfferedDirectory, parseOfferedDirectories } from "./local.ts";
