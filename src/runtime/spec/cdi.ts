import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type EngineError, invalidParameter, log, messageOf } from "../../lib/index.ts";
import type { CdiDeviceNode, CdiEdits, CdiRegistry } from "../contract.ts";
import type { OciHookName, OciMount } from "./oci.ts";

/** Where hosts keep their device files; a later directory's definitions win over an earlier one's. */
const CDI_DIRECTORIES: readonly string[] = ["/etc/cdi", "/var/run/cdi"];
const MAX_FILE_BYTES = 4 << 20;
const MAX_FILES = 1000;

const KIND = /^[A-Za-z][A-Za-z0-9._-]*\/[A-Za-z][A-Za-z0-9_-]*$/;
const DEVICE = /^[A-Za-z0-9][A-Za-z0-9_.:-]*$/;
const HOOKS: readonly string[] = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] satisfies OciHookName[];

interface CdiFile {
  readonly kind: string;
  readonly edits: CdiEdits;
  readonly devices: ReadonlyMap<string, CdiEdits>;
}

/** Reads the host's CDI files, JSON or YAML. One that is broken is logged and left out, as if it were not there. */
export async function readCdiRegistry(
  directories: readonly string[] = CDI_DIRECTORIES,
): Promise<CdiRegistry> {
  const found = new Map<string, { device: CdiEdits; file: CdiEdits; kind: string } | "conflict">();
  for (const directory of directories) {
    const here = new Set<string>();
    for (const file of await readDirectory(directory)) {
      for (const [name, device] of file.devices) {
        const qualified = `${file.kind}=${name}`;
        // Two files of one directory that define the same device: neither can be meant.
        const entry = { device, file: file.edits, kind: file.kind };
        found.set(qualified, here.has(qualified) ? "conflict" : entry);
        here.add(qualified);
      }
    }
  }
  return {
    names: () => [...found].filter(([, entry]) => entry !== "conflict").map(([name]) => name),
    find: (name) => {
      const entry = found.get(name);
      return entry === "conflict" ? undefined : entry;
    },
  };
}

async function readDirectory(directory: string): Promise<CdiFile[]> {
  const names = await readdir(directory).catch(() => []);
  const files: CdiFile[] = [];
  for (const name of names
    .filter((each) => /\.(json|ya?ml)$/.test(each))
    .sort()
    .slice(0, MAX_FILES)) {
    const path = join(directory, name);
    try {
      files.push(await readCdiFile(path));
    } catch (error) {
      log.warn("a CDI file was left out", { path, error: messageOf(error) });
    }
  }
  return files;
}

async function readCdiFile(path: string): Promise<CdiFile> {
  const status = await stat(path);
  if (!status.isFile() || status.size > MAX_FILE_BYTES)
    throw invalidParameter("not a file, or larger than 4 MiB");
  const text = await readFile(path, "utf8");
  return parseCdiFile(path.endsWith(".json") ? JSON.parse(text) : Bun.YAML.parse(text));
}

/** @throws InvalidParameter for what is no CDI document */
export function parseCdiFile(document: unknown): CdiFile {
  const json = object(document, "document");
  const kind = text(json["kind"], "kind");
  if (!KIND.test(kind)) throw invalidParameter(`invalid CDI kind ${JSON.stringify(kind)}`);
  const devices = new Map<string, CdiEdits>();
  for (const entry of items(json["devices"], "devices")) {
    const device = object(entry, "device");
    const name = text(device["name"], "name");
    if (!DEVICE.test(name)) throw invalidParameter(`invalid CDI device name ${JSON.stringify(name)}`);
    if (devices.has(name)) throw invalidParameter(`CDI device ${name} is defined twice`);
    devices.set(name, parseEdits(device["containerEdits"]));
  }
  return { kind, edits: parseEdits(json["containerEdits"]), devices };
}

function parseEdits(value: unknown): CdiEdits {
  const json = value === undefined || value === null ? {} : object(value, "containerEdits");
  return {
    env: items(json["env"], "env").map((entry) => text(entry, "env")),
    deviceNodes: items(json["deviceNodes"], "deviceNodes").map(parseDeviceNode),
    mounts: items(json["mounts"], "mounts").map(parseMount),
    hooks: items(json["hooks"], "hooks").map(parseHook),
    additionalGids: items(json["additionalGids"], "additionalGids").map((gid) =>
      count(gid, "additionalGids"),
    ),
  };
}

function parseDeviceNode(value: unknown): CdiDeviceNode {
  const json = object(value, "deviceNode");
  const type = optional(json["type"], "type", text);
  if (type !== undefined && !["b", "c", "u", "p"].includes(type)) {
    throw invalidParameter(`invalid CDI device type ${JSON.stringify(type)}`);
  }
  const permissions = optional(json["permissions"], "permissions", text);
  if (permissions && !/^[rwm]{1,3}$/.test(permissions)) {
    throw invalidParameter(`invalid CDI device permissions ${JSON.stringify(permissions)}`);
  }
  return {
    path: absolute(json["path"], "path"),
    hostPath: optional(json["hostPath"], "hostPath", absolute),
    type: type as CdiDeviceNode["type"],
    major: optional(json["major"], "major", count),
    minor: optional(json["minor"], "minor", count),
    fileMode: optional(json["fileMode"], "fileMode", count),
    permissions,
    uid: optional(json["uid"], "uid", count),
    gid: optional(json["gid"], "gid", count),
  };
}

function parseMount(value: unknown): OciMount {
  const json = object(value, "mount");
  return {
    source: text(json["hostPath"], "hostPath"),
    destination: absolute(json["containerPath"], "containerPath"),
    type: optional(json["type"], "type", text) || "bind",
    options: items(json["options"], "options").map((option) => text(option, "options")),
  };
}

function parseHook(value: unknown): CdiEdits["hooks"][number] {
  const json = object(value, "hook");
  const name = text(json["hookName"], "hookName");
  if (!HOOKS.includes(name)) throw invalidParameter(`invalid CDI hook ${JSON.stringify(name)}`);
  return {
    name: name as OciHookName,
    hook: {
      path: absolute(json["path"], "path"),
      args: items(json["args"], "args").map((argument) => text(argument, "args")),
      env: items(json["env"], "env").map((entry) => text(entry, "env")),
      timeout: optional(json["timeout"], "timeout", count),
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

function object(value: unknown, name: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw wrong(name, "an object");
}

function items(value: unknown, name: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw wrong(name, "a list");
}

function text(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw wrong(name, "text");
}

function absolute(value: unknown, name: string): string {
  const path = text(value, name);
  if (path.startsWith("/") && !path.includes("\0")) return path;
  throw wrong(name, "an absolute path");
}

function count(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw wrong(name, "a number");
}

function optional<T>(value: unknown, name: string, read: (value: unknown, name: string) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value, name);
}

function wrong(name: string, wanted: string): EngineError {
  return invalidParameter(`the CDI field ${name} is not ${wanted}`);
}
