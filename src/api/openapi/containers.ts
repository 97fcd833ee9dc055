import * as wire from "../../wire/index.ts";
import { list } from "../../wire/index.ts";
import { HIJACKED, json, jsonLines, type Operations, OUTPUT, PATH_STAT, TAR } from "./operation.ts";

const tag = "Containers";
const attach = {
  detachKeys: "text",
  logs: "flag",
  stream: "flag",
  stdin: "flag",
  stdout: "flag",
  stderr: "flag",
} as const;
const size = { h: "integer", w: "integer" } as const;

export const CONTAINER_OPERATIONS: Operations = {
  "GET /containers/json": {
    summary: "Containers, the newest first",
    tag,
    query: { all: "flag", limit: "integer", size: "flag", filters: "filters" },
    answers: { 200: json(list(wire.ContainerSummarySchema)) },
  },
  "POST /containers/create": {
    summary: "Makes a container",
    tag,
    query: { name: "text", platform: "text" },
    body: json(wire.ContainerCreateRequestSchema),
    answers: { 201: json(wire.ContainerCreateResponseSchema) },
  },
  "POST /containers/prune": {
    summary: "Removes containers that do not run",
    tag,
    query: { filters: "filters" },
    answers: { 200: json(wire.ContainerPruneResponseSchema) },
  },
  "GET /containers/:id{.+}/json": {
    summary: "All about a container",
    tag,
    query: { size: "flag" },
    answers: { 200: json(wire.ContainerInspectSchema) },
  },
  "GET /containers/:id{.+}/top": {
    summary: "Processes of a container",
    tag,
    query: { ps_args: "text" },
    answers: { 200: json(wire.ContainerTopSchema) },
  },
  "GET /containers/:id{.+}/logs": {
    summary: "What a container has printed",
    tag,
    query: {
      follow: "flag",
      stdout: "flag",
      stderr: "flag",
      since: "time",
      until: "time",
      timestamps: "flag",
      tail: "text",
      details: "flag",
    },
    answers: { 200: OUTPUT },
  },
  "GET /containers/:id{.+}/changes": {
    summary: "What a container has changed of its image's files",
    tag,
    answers: { 200: json(list(wire.FilesystemChangeSchema)) },
  },
  "GET /containers/:id{.+}/export": {
    summary: "A container's files",
    tag,
    answers: { 200: { media: "application/octet-stream", note: "A tar" } },
  },
  "GET /containers/:id{.+}/stats": {
    summary: "What a container uses, once a second",
    tag,
    query: { stream: "flag", "one-shot": "flag" },
    answers: { 200: jsonLines(wire.ContainerStatsSchema) },
  },
  "POST /containers/:id{.+}/start": {
    summary: "Starts a container",
    tag,
    query: { detachKeys: "text", checkpoint: "text" },
    answers: { 204: null, 304: null },
  },
  "POST /containers/:id{.+}/stop": {
    summary: "Stops a container",
    tag,
    query: { signal: "text", t: "integer" },
    answers: { 204: null, 304: null },
  },
  "POST /containers/:id{.+}/restart": {
    summary: "Stops a container and starts it again",
    tag,
    query: { signal: "text", t: "integer" },
    answers: { 204: null },
  },
  "POST /containers/:id{.+}/kill": {
    summary: "Sends a signal to a container's first process",
    tag,
    query: { signal: "text" },
    answers: { 204: null },
  },
  "POST /containers/:id{.+}/pause": {
    summary: "Makes the processes of a container stand still",
    tag,
    answers: { 204: null },
  },
  "POST /containers/:id{.+}/unpause": {
    summary: "Lets the processes of a container go on",
    tag,
    answers: { 204: null },
  },
  "POST /containers/:id{.+}/rename": {
    summary: "Gives a container another name",
    tag,
    query: { name: "text" },
    required: ["name"],
    answers: { 204: null },
  },
  "POST /containers/:id{.+}/update": {
    summary: "Changes a container's limits and its restart policy",
    tag,
    body: json(wire.ContainerUpdateRequestSchema),
    answers: { 200: json(wire.ContainerUpdateResponseSchema) },
  },
  "POST /containers/:id{.+}/resize": {
    summary: "Tells a container's terminal its size",
    tag,
    query: size,
    required: ["h", "w"],
    answers: { 200: null },
  },
  "POST /containers/:id{.+}/wait": {
    summary: "Waits for a container's end",
    tag,
    query: { condition: "text" },
    answers: { 200: json(wire.ContainerWaitResponseSchema) },
  },
  "DELETE /containers/:id{.+}": {
    summary: "Removes a container",
    tag,
    query: { force: "flag", v: "flag", link: "flag" },
    answers: { 204: null },
  },
  "POST /containers/:id{.+}/attach": {
    summary: "Input and output of a container's first process",
    tag,
    query: attach,
    answers: HIJACKED,
  },
  "GET /containers/:id{.+}/attach/ws": {
    summary: "Input and output of a container's first process, as a WebSocket",
    tag,
    query: attach,
    answers: { 101: null },
  },
  "HEAD /containers/:id{.+}/archive": {
    summary: "Tells of a file in a container",
    tag,
    query: { path: "text" },
    required: ["path"],
    answers: { 200: null },
  },
  "GET /containers/:id{.+}/archive": {
    summary: "A file or directory of a container",
    tag,
    query: { path: "text" },
    required: ["path"],
    answers: { 200: { ...TAR, note: PATH_STAT } },
  },
  "PUT /containers/:id{.+}/archive": {
    summary: "Unpacks a tar into a directory of a container",
    tag,
    query: { path: "text", noOverwriteDirNonDir: "flag", copyUIDGID: "flag" },
    required: ["path"],
    body: TAR,
    answers: { 200: null },
  },
  "POST /commit": {
    summary: "Makes an image of a container",
    tag,
    query: {
      container: "text",
      repo: "text",
      tag: "text",
      comment: "text",
      author: "text",
      pause: "flag",
      changes: "texts",
    },
    required: ["container"],
    body: json(wire.CommitRequestSchema),
    answers: { 201: json(wire.IdResponseSchema) },
  },
  "POST /containers/:id{.+}/exec": {
    summary: "Prepares a process in a container",
    tag,
    body: json(wire.ExecConfigSchema),
    answers: { 201: json(wire.IdResponseSchema) },
  },
  "POST /exec/:id/start": {
    summary: "Starts a process that was prepared",
    tag,
    body: json(wire.ExecStartRequestSchema),
    answers: HIJACKED,
  },
  "POST /exec/:id/resize": {
    summary: "Tells a process's terminal its size",
    tag,
    query: size,
    required: ["h", "w"],
    answers: { 200: null },
  },
  "GET /exec/:id/json": {
    summary: "All about a process that was prepared",
    tag,
    answers: { 200: json(wire.ExecInspectSchema) },
  },
};
