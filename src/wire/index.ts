/** The Engine API's requests and responses, each described once: a schema, and the type that follows from it. */
export * from "./container.ts";
export * from "./container-config.ts";
export { decode } from "./decode.ts";
export * from "./event.ts";
export * from "./exec.ts";
export * from "./host-config.ts";
export * from "./image.ts";
export * from "./image-versions.ts";
export * from "./network.ts";
export * from "./oci.ts";
export * from "./registry-manifest.ts";
export { list, type Static, type TSchema } from "./schema.ts";
export * from "./stats.ts";
export * from "./system.ts";
export * from "./volume.ts";
