import { posix } from "node:path";
import type { DeviceMapping, DeviceRequest } from "../../wire/index.ts";
import { cut } from "../flags.ts";
import { parseDecimal } from "../text/numbers.ts";
import { parseCsv } from "./csv.ts";

export interface DeviceFlags {
  readonly mappings: readonly DeviceMapping[];
  /** Names of CDI devices (`vendor.com/class=name`), which the engine looks up. */
  readonly cdi: readonly string[];
}

/** Reads all `--device`: `/dev/x[:/dev/y][:rwm]`, or a CDI name. @throws with Docker's words. */
export function parseDevices(specs: readonly string[]): DeviceFlags {
  const cdi = specs.filter(isCdiName);
  const mappings = specs.filter((spec) => !isCdiName(spec)).map(parseDevice);
  return { mappings, cdi };
}

/** CDI specification, section Kind: `vendor/class=device`. */
function isCdiName(spec: string): boolean {
  return /^[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?\/[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9])?=[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?$/.test(
    spec,
  );
}

function parseDevice(spec: string): DeviceMapping {
  const parts = spec.split(":");
  const [host = "", second, third] = parts;
  if (parts.length > 3 || host === "") throw new Error(`bad format for path: ${spec}`);
  if (third !== undefined && !isMode(third)) throw new Error(`bad mode specified: ${third}`);
  const secondIsMode = third === undefined && second !== undefined && isMode(second);
  const inside = second === undefined || secondIsMode ? host : second;
  if (!inside.startsWith("/")) throw new Error(`${inside} is not an absolute path`);
  const cleaned = parts.length === 3 ? inside : clean(inside);
  return {
    PathOnHost: second === undefined || secondIsMode ? clean(host) : host,
    PathInContainer: cleaned === "" ? host : cleaned,
    CgroupPermissions: third ?? (secondIsMode ? second! : "rwm"),
  };
}

/** Each of `r`, `w` and `m` at most once. */
function isMode(text: string): boolean {
  return /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;
}

function clean(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 ? normal.replace(/\/$/, "") : normal;
}

/** @throws with Docker's words. */
export function checkDeviceRule(text: string): string {
  if (/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text)) return text;
  throw new Error(`invalid device cgroup format '${text}'`);
}

/** Reads `--gpus`: `all`, `2`, or `driver=nvidia,"device=0,1",capabilities=utility`. @throws with Docker's words. */
export function parseGpus(text: string): DeviceRequest {
  const request: DeviceRequest = {};
  const seen = new Set<string>();
  for (const field of parseCsv(text)) {
    const [key, value] = cut(field, "=");
    if (seen.has(key)) throw new Error(`gpu request key '${key}' can be specified only once`);
    seen.add(key);
    if (value === undefined) {
      seen.add("count");
      request.Count = parseCount(key);
    } else {
      readGpuField(request, key, value, field);
    }
  }
  if (!seen.has("count") && request.DeviceIDs === undefined) request.Count = 1;
  return { ...request, Options: request.Options ?? {}, Capabilities: request.Capabilities ?? [["gpu"]] };
}

function readGpuField(request: DeviceRequest, key: string, value: string, field: string): void {
  switch (key) {
    case "driver":
      request.Driver = value;
      return;
    case "count":
      request.Count = parseCount(value);
      return;
    case "device":
      request.DeviceIDs = value.split(",");
      return;
    case "capabilities":
      request.Capabilities = [[...value.split(","), "gpu"]];
      return;
    case "options":
      request.Options = Object.fromEntries(
        parseCsv(value)
          .map((pair) => cut(pair, "="))
          .map(([name, text = ""]) => [name, text]),
      );
      return;
    default:
      throw new Error(`unexpected key '${key}' in '${field}'`);
  }
}

function parseCount(text: string): number {
  if (text === "all") return -1;
  try {
    return parseDecimal(text);
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(`invalid count (${text}): value must be either "all" or an integer: ${reason}`, {
      cause: error,
    });
  }
}
