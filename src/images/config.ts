import { type Digest, digestOf, invalidParameter, isDigest, messageOf } from "../lib/index.ts";
import type { HealthConfig, ImageConfig } from "../wire/index.ts";
import type { DiffId } from "./snapshots/snapshotter.ts";

/** One step of how an image came about (OCI image-spec, config.md). */
export interface HistoryEntry {
  readonly created?: string | undefined;
  readonly createdBy?: string | undefined;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
  /** The step made no layer. */
  readonly emptyLayer?: boolean | undefined;
}

/** An image's configuration, read and checked; its bytes are kept as they came, and their digest is the image's id. */
export interface ImageDocument {
  readonly id: Digest;
  readonly bytes: Uint8Array;
  readonly created?: string | undefined;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string | undefined;
  readonly osVersion?: string | undefined;
  readonly dockerVersion?: string | undefined;
  /** What it says about containers made from it. */
  readonly config: ImageConfig;
  readonly layers: readonly DiffId[];
  readonly history: readonly HistoryEntry[];
}

/** A configuration has labels, variables and history: far below this in practice. */
export const CONFIG_BYTES_MAX = 8 << 20;
/** overlayfs stacks at most 500 directories. */
const LAYERS_MAX = 500;
const HISTORY_MAX = 10_000;

type Json = Record<string, unknown>;

/**
 * Reads an image's configuration that a stranger wrote. Every field that the engine will use has the type it should
 * have; fields that it does not know stay in the bytes only.
 * @throws InvalidParameter
 */
export function parseImageDocument(bytes: Uint8Array): ImageDocument {
  if (bytes.length > CONFIG_BYTES_MAX) throw invalid("it is larger than 8 MiB");
  const json = object("it", parseJson(bytes));
  const rootfs = object("rootfs", json["rootfs"]);
  if (rootfs["type"] !== "layers") throw invalid("rootfs.type is not layers");
  const layers = list("rootfs.diff_ids", rootfs["diff_ids"] ?? []).map(diffId);
  if (layers.length > LAYERS_MAX) throw invalid(`it has more than ${LAYERS_MAX} layers`);
  const history = list("history", json["history"] ?? []);
  if (history.length > HISTORY_MAX) throw invalid("its history is too long");
  return {
    id: digestOf(bytes),
    bytes,
    created: time("created", json["created"]),
    author: text("author", json["author"]),
    comment: text("comment", json["comment"]),
    architecture: text("architecture", json["architecture"]) ?? "",
    os: text("os", json["os"]) || "linux",
    variant: text("variant", json["variant"]),
    osVersion: text("os.version", json["os.version"]),
    dockerVersion: text("docker_version", json["docker_version"]),
    config: imageConfig(json["config"]),
    layers,
    history: history.map(historyEntry),
  };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid(`it is not JSON: ${messageOf(error)}`);
  }
}

const invalid = (reason: string) => invalidParameter(`invalid image configuration: ${reason}`);

function object(name: string, value: unknown): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(`${name} is no object`);
  return value as Json;
}

function list(name: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw invalid(`${name} is no list`);
  return value;
}

function text(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw invalid(`${name} is no string`);
  return value;
}

function time(name: string, value: unknown): string | undefined {
  const given = text(name, value);
  if (given === undefined || given === "") return undefined;
  if (Number.isNaN(Date.parse(given))) throw invalid(`${name} is no time`);
  return given;
}

function boolean(name: string, value: unknown): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "boolean") throw invalid(`${name} is neither true nor false`);
  return value;
}

function integer(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value)) throw invalid(`${name} is no integer`);
  return value;
}

function texts(name: string, value: unknown): string[] | null | undefined {
  if (value === undefined || value === null) return value;
  return list(name, value).map((item) => {
    if (typeof item !== "string") throw invalid(`${name} is no list of strings`);
    return item;
  });
}

/** Go's `map[string]struct{}`: only the keys mean something. */
function textSet(name: string, value: unknown): Record<string, Json> | null | undefined {
  if (value === undefined || value === null) return value;
  return Object.fromEntries(Object.keys(object(name, value)).map((key) => [key, {}]));
}

function textMap(name: string, value: unknown): Record<string, string> | null | undefined {
  if (value === undefined || value === null) return value;
  for (const item of Object.values(object(name, value))) {
    if (typeof item !== "string") throw invalid(`${name} has a value that is no string`);
  }
  return value as Record<string, string>;
}

function diffId(value: unknown): DiffId {
  if (typeof value !== "string" || !isDigest(value))
    throw invalid("rootfs.diff_ids has what is no sha256 digest");
  return value;
}

function historyEntry(value: unknown): HistoryEntry {
  const entry = object("history", value);
  return {
    created: time("history.created", entry["created"]),
    createdBy: text("history.created_by", entry["created_by"]),
    author: text("history.author", entry["author"]),
    comment: text("history.comment", entry["comment"]),
    emptyLayer: boolean("history.empty_layer", entry["empty_layer"]),
  };
}

function imageConfig(value: unknown): ImageConfig {
  if (value === undefined || value === null) return {};
  const config = object("config", value);
  const fields: ImageConfig = {
    User: text("User", config["User"]),
    ExposedPorts: textSet("ExposedPorts", config["ExposedPorts"]),
    Env: texts("Env", config["Env"]),
    Cmd: texts("Cmd", config["Cmd"]),
    Healthcheck: healthcheck(config["Healthcheck"]),
    ArgsEscaped: boolean("ArgsEscaped", config["ArgsEscaped"]),
    Volumes: textSet("Volumes", config["Volumes"]),
    WorkingDir: text("WorkingDir", config["WorkingDir"]),
    Entrypoint: texts("Entrypoint", config["Entrypoint"]),
    OnBuild: texts("OnBuild", config["OnBuild"]),
    Labels: textMap("Labels", config["Labels"]),
    StopSignal: text("StopSignal", config["StopSignal"]),
    Shell: texts("Shell", config["Shell"]),
  };
  return withoutUndefined(fields);
}

function healthcheck(value: unknown): HealthConfig | null | undefined {
  if (value === undefined || value === null) return value;
  const check = object("Healthcheck", value);
  return withoutUndefined({
    Test: texts("Healthcheck.Test", check["Test"]),
    Interval: integer("Healthcheck.Interval", check["Interval"]),
    Timeout: integer("Healthcheck.Timeout", check["Timeout"]),
    StartPeriod: integer("Healthcheck.StartPeriod", check["StartPeriod"]),
    StartInterval: integer("Healthcheck.StartInterval", check["StartInterval"]),
    Retries: integer("Healthcheck.Retries", check["Retries"]),
  });
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}

/** What a new image is made of. */
export interface NewImage {
  readonly created?: string | undefined;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string | undefined;
  readonly osVersion?: string | undefined;
  readonly config: ImageConfig;
  readonly layers: readonly DiffId[];
  readonly history: readonly HistoryEntry[];
  /** What a build leaves for later ones, where it wants to. */
  readonly buildCache?: unknown;
}

/** Where an image's configuration has what its build left for later builds; other engines pass it on as it is. */
const BUILD_CACHE_FIELD = "berth.build.cache.v1";

/** What a build left in a configuration, by whomever it was written: to be checked. */
export function buildCacheOf(document: ImageDocument): unknown {
  const json = JSON.parse(new TextDecoder().decode(document.bytes)) as Json;
  return json[BUILD_CACHE_FIELD];
}

/** Writes the configuration of an image that was made here, with the fields in the order in which OCI names them. */
export function newImageDocument(image: NewImage): ImageDocument {
  const json = withoutUndefined({
    created: image.created,
    author: image.author || undefined,
    comment: image.comment || undefined,
    architecture: image.architecture,
    variant: image.variant || undefined,
    os: image.os,
    "os.version": image.osVersion || undefined,
    config: image.config,
    rootfs: { type: "layers", diff_ids: image.layers },
    history: image.history.map((entry) =>
      withoutUndefined({
        created: entry.created,
        created_by: entry.createdBy || undefined,
        author: entry.author || undefined,
        comment: entry.comment || undefined,
        empty_layer: entry.emptyLayer || undefined,
      }),
    ),
    [BUILD_CACHE_FIELD]: image.buildCache,
  });
  return parseImageDocument(Buffer.from(JSON.stringify(json)));
}
