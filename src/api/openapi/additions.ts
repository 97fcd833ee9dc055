import * as wire from "../../wire/index.ts";
import { list } from "../../wire/index.ts";
import { json, jsonLines, type Operations, REGISTRY_AUTH, TAR } from "./operation.ts";

/** What Docker has no operations for. */
export const OWN_OPERATIONS: Operations = {
  "GET /berth/images/diff": {
    summary: "What differs between two images",
    tag: "Berth",
    query: { from: "text", to: "text" },
    required: ["from", "to"],
    answers: { 200: json(wire.ImageDiffSchema) },
  },
  "POST /berth/images/versions/prune": {
    summary: "Forgets past versions of images' names",
    tag: "Berth",
    query: { filters: "filters" },
    answers: { 200: json(wire.ImageVersionsPruneResponseSchema) },
  },
  "GET /berth/images/:name{.+}/versions": {
    summary: "Images that a name has stood for, the newest first",
    tag: "Berth",
    answers: { 200: json(list(wire.ImageVersionSchema)) },
  },
  "POST /berth/images/:name{.+}/rollback": {
    summary: "Points a name at an earlier image",
    tag: "Berth",
    query: { version: "integer" },
    answers: { 200: json(wire.ImageRollbackResponseSchema) },
  },
  "GET /berth/images/:name{.+}/layers": {
    summary: "Layers of an image, the bottom one first",
    tag: "Berth",
    answers: { 200: json(wire.ImageLayersSchema) },
  },
  "GET /berth/images/:name{.+}/layers/:layer/files": {
    summary: "Files of a layer, or of a whole image",
    tag: "Berth",
    answers: { 200: { ...jsonLines(wire.ImageFileSchema), media: "application/x-ndjson" } },
  },
  "GET /berth/manifests/:name{.+}": {
    summary: "Manifests that a registry has under a name",
    tag: "Berth",
    query: { insecure: "flag" },
    headers: REGISTRY_AUTH,
    answers: { 200: json(wire.RegistryManifestsSchema) },
  },
  "POST /berth/manifests/:name{.+}": {
    summary: "Sends a list of manifests to a registry",
    tag: "Berth",
    query: { insecure: "flag" },
    headers: REGISTRY_AUTH,
    body: json(wire.ManifestListPushRequestSchema),
    answers: { 201: json(wire.ManifestListPushResponseSchema) },
  },
  "GET /berth/volumes/:name{.+}/export": {
    summary: "A volume's files",
    tag: "Berth",
    query: { pause: "flag" },
    answers: { 200: TAR },
  },
  "POST /berth/volumes/:name{.+}/import": {
    summary: "Fills a volume from a tar",
    tag: "Berth",
    query: { label: "texts", overwrite: "flag" },
    body: TAR,
    answers: { 201: json(wire.VolumeSchema) },
  },
  "POST /berth/volumes/:name{.+}/clone": {
    summary: "Makes a new volume with the files of another one",
    tag: "Berth",
    query: { pause: "flag" },
    body: json(wire.VolumeCreateRequestSchema),
    answers: { 201: json(wire.VolumeSchema) },
  },
};
