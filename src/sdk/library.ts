/**
 * Containers, images, builds, networks and volumes from JavaScript: a typed client of any engine that speaks Docker's API.
 *
 * ```ts
 * import { Engine } from "berth";
 *
 * const engine = await Engine.connect();
 * await using web = await engine.run("nginx", { ports: [80] });
 * ```
 *
 * @packageDocumentation
 */

export {
  EngineError,
  type ErrorKind,
  type OutputChunk,
  type OutputStream,
  STDERR,
  STDOUT,
} from "../lib/index.ts";
export type * from "../wire/index.ts";
export type { Archives } from "./archives.ts";
export { BuildError } from "./builds/error.ts";
export type {
  BuildCall,
  BuildFiles,
  BuildOptions,
  BuildOutput,
  BuildProgress,
  BuildResult,
  BuildSecret,
  BuildWarning,
  ClassicOptions,
} from "./builds/options.ts";
export type { Builds } from "./builds.ts";
export type { Cancel } from "./cancel.ts";
export type { ClientConfig, ProxyConfig, StoredAuth } from "./client-config.ts";
export type { Connection } from "./connection.ts";
export { Container } from "./container.ts";
export type { ContainerProcess } from "./container-process.ts";
export type {
  AttachOptions,
  Containers,
  ListContainersOptions,
  LogsOptions,
  StopOptions,
  WaitCondition,
} from "./containers.ts";
export {
  DEFAULT_SOCKET,
  type Endpoint,
  formatEndpoint,
  parseEndpoint,
  type SshEndpoint,
  type TcpEndpoint,
  type TlsMaterial,
  type UnixEndpoint,
} from "./endpoint.ts";
export { API_VERSION, type Call, Engine, type EngineOptions } from "./engine.ts";
export { ConnectionError, HandshakeError, ResponseError } from "./errors.ts";
export type { Execs } from "./execs.ts";
export type { HttpHeaders, HttpResponse, RequestBody } from "./http.ts";
export type { ImageVersions } from "./image-versions.ts";
export type { Images, PlatformChoice, Progress, SearchResult } from "./images.ts";
export type { PullOptions } from "./make-container.ts";
export type { ManifestAccess, Manifests } from "./manifests.ts";
export type { Networks } from "./networks.ts";
export { type ProcessOutput, webStream } from "./output.ts";
export type { Filters, Query } from "./query.ts";
export type {
  CreateOptions,
  ExecOptions,
  ExecResult,
  Files,
  PublishedPort,
  RunOptions,
} from "./run-options.ts";
export type { AttachedStream } from "./stream.ts";
export type { EventsOptions, PruneBuildsOptions, System } from "./system.ts";
export type { Volumes } from "./volumes.ts";
