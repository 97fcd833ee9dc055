/** Ignore files (`.dockerignore`), for whoever sends a build's context and whoever reads it. */
export { IgnorePattern } from "./pattern.ts";
export { cleanPath, IgnoreRules, ignoreFileNames, parseIgnoreFile } from "./rules.ts";
