/** A typed client of any engine that speaks Docker's API. */

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
export {
  type ClientConfig,
  certificateDirectory,
  configDirectory,
  loadClientConfig,
  readTextFile,
  type StoredAuth,
} from "./client-config.ts";
export type { Connection } from "./connection.ts";
export type {
  AttachOptions,
  ListContainersOptions,
  LogsOptions,
  StopOptions,
  WaitCondition,
} from "./containers.ts";
export {
  type ContextEndpoint,
  type ContextMeta,
  DEFAULT_CONTEXT,
  endpointOfContext,
  parseContext,
  placeOfContext,
  readContext,
} from "./contexts.ts";
export {
  allCredentials,
  DOCKER_HUB,
  encodeAuth,
  findCredentials,
  helperFor,
  registryKey,
  registryOfImage,
  runHelper,
} from "./credentials.ts";
export { parseCsv } from "./csv.ts";
export {
  discoverEndpoint,
  type EndpointSearch,
  type EndpointStrategy,
  type FoundEndpoint,
  STRATEGIES,
} from "./discover.ts";
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
export { API_VERSION, type Call, Engine, type EngineOptions, isOlder } from "./engine.ts";
export { ConnectionError, HandshakeError, ResponseError } from "./errors.ts";
export { type PackOptions, type Placement, packTree, unpackTree } from "./files.ts";
export { demultiplex, FrameDecoder } from "./frames.ts";
export type { RequestBody } from "./http.ts";
export type { PlatformChoice, Progress, SearchResult } from "./images.ts";
export { jsonLines, textLines } from "./json-lines.ts";
export type { OfferedFile } from "./offered-file.ts";
export { proxyVariables } from "./proxies.ts";
export { encodeFilters, type Filters, type Query } from "./query.ts";
export type { AttachedStream } from "./stream.ts";
export type { EventsOptions } from "./system.ts";
export type { TlsRequest } from "./tls-files.ts";
