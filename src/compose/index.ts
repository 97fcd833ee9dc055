export * from "./model/index.ts";
export * from "./project/index.ts";
