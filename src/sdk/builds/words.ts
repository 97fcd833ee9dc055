/** What of BuildKit's words a build needs whether it has a session or not: to be loaded late, and by itself. */
export { decodeStatus, formatGoMode, memoryTree, openFileTree } from "../../lib/buildkit/index.ts";
