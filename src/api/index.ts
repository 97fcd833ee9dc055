/** The Engine API over HTTP. */
export type { Filters } from "./filters.ts";
export { type Method, Router } from "./router.ts";
export type { ArchiveBackend } from "./routes/archive.ts";
export type { BuildBackend, BuildPruneOptions, ClassicBuildOptions } from "./routes/build.ts";
export type { ContainerStreamBackend } from "./routes/container-streams.ts";
export type { ContainerBackend } from "./routes/containers.ts";
export type { EventBackend } from "./routes/events.ts";
export type { ExecBackend } from "./routes/exec.ts";
export type { CommitBackend, ImageBackend, ImportOptions } from "./routes/images.ts";
export { type Backends, routesOf } from "./routes/index.ts";
export type { NetworkBackend } from "./routes/networks.ts";
export type { DiskUsageKind, SystemBackend } from "./routes/system.ts";
export type { VolumeBackend } from "./routes/volumes.ts";
export { ApiServer, type ApiServerOptions } from "./server.ts";
export { statusOf } from "./status.ts";
export { API_VERSION, MIN_API_VERSION } from "./version.ts";
