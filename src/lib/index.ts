export * from "./digest.ts";
export * from "./errors.ts";
export * from "./events.ts";
export * from "./fault.ts";
export * from "./ids.ts";
export * from "./log.ts";
export * from "./output.ts";
export * from "./version.ts";
