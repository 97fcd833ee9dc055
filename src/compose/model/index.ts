export * from "./build.ts";
export * from "./deploy.ts";
export * from "./develop.ts";
export * from "./mounts.ts";
export * from "./resources.ts";
export * from "./service.ts";
export * from "./shared.ts";
