import * as wire from "../../wire/index.ts";
import { list } from "../../wire/index.ts";
import { json, jsonLines, type Operations } from "./operation.ts";

export const VOLUME_OPERATIONS: Operations = {
  "GET /volumes": {
    summary: "Volumes",
    tag: "Volumes",
    query: { filters: "filters" },
    answers: { 200: json(wire.VolumeListResponseSchema) },
  },
  "POST /volumes/create": {
    summary: "Makes a volume",
    tag: "Volumes",
    body: json(wire.VolumeCreateRequestSchema),
    answers: { 201: json(wire.VolumeSchema) },
  },
  "POST /volumes/prune": {
    summary: "Removes volumes that no container uses",
    tag: "Volumes",
    query: { filters: "filters" },
    answers: { 200: json(wire.VolumePruneResponseSchema) },
  },
  "GET /volumes/:name{.+}": {
    summary: "All about a volume",
    tag: "Volumes",
    answers: { 200: json(wire.VolumeSchema) },
  },
  "DELETE /volumes/:name{.+}": {
    summary: "Removes a volume",
    tag: "Volumes",
    query: { force: "flag" },
    answers: { 204: null },
  },
};

export const NETWORK_OPERATIONS: Operations = {
  "GET /networks": {
    summary: "Networks",
    tag: "Networks",
    query: { filters: "filters" },
    answers: { 200: json(list(wire.NetworkSchema)) },
  },
  "POST /networks/create": {
    summary: "Makes a network",
    tag: "Networks",
    body: json(wire.NetworkCreateRequestSchema),
    answers: { 201: json(wire.NetworkCreateResponseSchema) },
  },
  "POST /networks/prune": {
    summary: "Removes networks that no container uses",
    tag: "Networks",
    query: { filters: "filters" },
    answers: { 200: json(wire.NetworkPruneResponseSchema) },
  },
  "GET /networks/:id": {
    summary: "All about a network",
    tag: "Networks",
    query: { verbose: "flag", scope: "text" },
    answers: { 200: json(wire.NetworkSchema) },
  },
  "POST /networks/:id/connect": {
    summary: "Joins a container to a network",
    tag: "Networks",
    body: json(wire.NetworkConnectRequestSchema),
    answers: { 200: null },
  },
  "POST /networks/:id/disconnect": {
    summary: "Takes a container off a network",
    tag: "Networks",
    body: json(wire.NetworkDisconnectRequestSchema),
    answers: { 200: null },
  },
  "DELETE /networks/:id": { summary: "Removes a network", tag: "Networks", answers: { 204: null } },
};

const PING = { media: "text/plain", note: "OK" };

export const SYSTEM_OPERATIONS: Operations = {
  "GET /_ping": { summary: "Whether the engine answers", tag: "System", answers: { 200: PING } },
  "HEAD /_ping": { summary: "Whether the engine answers", tag: "System", answers: { 200: null } },
  "GET /info": {
    summary: "The engine and its host",
    tag: "System",
    answers: { 200: json(wire.SystemInfoSchema) },
  },
  "GET /version": {
    summary: "Versions of the engine and its parts",
    tag: "System",
    answers: { 200: json(wire.SystemVersionSchema) },
  },
  "GET /system/df": {
    summary: "What takes room on the disk",
    tag: "System",
    query: { type: "texts" },
    answers: { 200: json(wire.DiskUsageSchema) },
  },
  "GET /plugins": {
    summary: "Plugins of `docker plugin`, of which there are none",
    tag: "System",
    answers: { 200: json(list(wire.PluginSchema)) },
  },
  "POST /auth": {
    summary: "Shows credentials to a registry",
    tag: "System",
    body: json(wire.AuthConfigSchema),
    answers: { 200: json(wire.AuthResponseSchema) },
  },
  "GET /events": {
    summary: "What happens, and what has happened",
    tag: "System",
    query: { since: "time", until: "time", filters: "filters" },
    answers: { 200: jsonLines(wire.EventMessageSchema) },
  },
  "GET /openapi.json": {
    summary: "This document",
    tag: "System",
    answers: { 200: { media: "application/json", note: "OpenAPI 3.1" } },
  },
};
