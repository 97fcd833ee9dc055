import { EngineError, invalidParameter, messageOf } from "../../../lib/index.ts";
import type { OciSeccompArg } from "../oci.ts";

/** A seccomp profile in Docker's JSON format: OCI's, with conditions on capabilities, architecture and kernel. */
export interface SeccompProfile {
  defaultAction: string;
  defaultErrnoRet?: number;
  /** Either these, or `archMap`. */
  architectures?: string[];
  archMap?: { architecture: string; subArchitectures: string[] }[];
  flags?: string[];
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls: SeccompRule[];
}

export interface SeccompRule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: OciSeccompArg[];
  /** All of these must hold. */
  includes?: SeccompCondition;
  /** None of these may hold. */
  excludes?: SeccompCondition;
}

export interface SeccompCondition {
  /** Docker's names: `amd64`, `arm64`, `x86` … */
  arches?: string[];
  caps?: string[];
  /** `4.8` */
  minKernel?: string;
}

/** No profile that a person wrote comes near it. */
const MAX_PROFILE_BYTES = 1 << 20;
const KERNEL_VERSION = /^\d{1,5}\.\d{1,5}$/;

/**
 * Reads a profile that a client sent.
 * @throws InvalidParameter `Decoding seccomp profile failed: …`
 */
export function parseSeccompProfile(text: string): SeccompProfile {
  if (text.length > MAX_PROFILE_BYTES) throw failed("it is larger than 1 MiB");
  let json: unknown;
  try {
    json = JSON.parse(text, keepLargeNumbers);
  } catch (error) {
    throw failed(messageOf(error), error);
  }
  const profile = readProfile(record(json, "profile"));
  if (profile.architectures?.length && profile.archMap?.length) {
    throw invalidParameter(
      "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'",
    );
  }
  return profile;
}

function readProfile(json: Fields): SeccompProfile {
  const profile: SeccompProfile = {
    defaultAction: optional(json, "defaultAction", string) ?? "",
    syscalls: (optional(json, "syscalls", list(record)) ?? []).map(readRule),
  };
  put(profile, "defaultErrnoRet", optional(json, "defaultErrnoRet", unsigned));
  put(profile, "architectures", optional(json, "architectures", list(string)));
  put(profile, "flags", optional(json, "flags", list(string)));
  put(profile, "listenerPath", optional(json, "listenerPath", string));
  put(profile, "listenerMetadata", optional(json, "listenerMetadata", string));
  put(profile, "archMap", optional(json, "archMap", list(record))?.map(readArchitecture));
  return profile;
}

function readArchitecture(json: Fields): { architecture: string; subArchitectures: string[] } {
  return {
    architecture: optional(json, "architecture", string) ?? "",
    subArchitectures: optional(json, "subArchitectures", list(string)) ?? [],
  };
}

function readRule(json: Fields): SeccompRule {
  const single = optional(json, "name", string);
  const names = optional(json, "names", list(string)) ?? [];
  if (single && names.length > 0) {
    throw invalidParameter(
      "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'",
    );
  }
  const rule: SeccompRule = {
    names: single ? [single] : names,
    action: optional(json, "action", string) ?? "",
  };
  put(rule, "errnoRet", optional(json, "errnoRet", unsigned));
  put(rule, "args", optional(json, "args", list(record))?.map(readArgument));
  put(rule, "includes", optional(json, "includes", condition));
  put(rule, "excludes", optional(json, "excludes", condition));
  return rule;
}

function readArgument(json: Fields): OciSeccompArg {
  const argument: OciSeccompArg = {
    index: optional(json, "index", unsigned) ?? 0,
    value: optional(json, "value", unsigned64) ?? 0,
    op: optional(json, "op", string) ?? "",
  };
  const second = optional(json, "valueTwo", unsigned64);
  if (second) argument.valueTwo = second;
  return argument;
}

function condition(value: unknown, name: string): SeccompCondition {
  const json = record(value, name);
  const read: SeccompCondition = {};
  put(read, "arches", optional(json, "arches", list(string)));
  put(read, "caps", optional(json, "caps", list(string)));
  put(read, "minKernel", optional(json, "minKernel", string));
  if (read.minKernel && !KERNEL_VERSION.test(read.minKernel)) {
    throw failed(`invalid kernel version: ${JSON.stringify(read.minKernel)}: must be like "4.8"`);
  }
  return read;
}

type Fields = Readonly<Record<string, unknown>>;
type Reader<T> = (value: unknown, name: string) => T;

/** Go reads `null` as "not given" everywhere; so do we. */
function optional<T>(json: Fields, name: string, read: Reader<T>): T | undefined {
  const value = json[name];
  return value === undefined || value === null ? undefined : read(value, name);
}

function put<T extends object, K extends keyof T>(target: T, key: K, value: T[K] | undefined): void {
  if (value !== undefined) target[key] = value;
}

function record(value: unknown, name: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw failed(`${name} is not an object`);
}

function string(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw failed(`${name} is not a string`);
}

function unsigned(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw failed(`${name} is not an unsigned number`);
}

const MAX_64_BITS = 0xffff_ffff_ffff_ffffn;

function unsigned64(value: unknown, name: string): number | bigint {
  if (typeof value === "bigint" && value >= 0n && value <= MAX_64_BITS) return value;
  return unsigned(value, name);
}

/** A reviver whose third argument (the number as it was written) TypeScript's library does not describe yet. */
function keepLargeNumbers(
  this: unknown,
  _key: string,
  value: unknown,
  context?: { source?: string },
): unknown {
  const written = context?.source;
  if (typeof value !== "number" || Number.isSafeInteger(value) || !/^\d+$/.test(written ?? "")) return value;
  return BigInt(written ?? 0);
}

function list<T>(read: Reader<T>): Reader<T[]> {
  return (value, name) => {
    if (!Array.isArray(value)) throw failed(`${name} is not a list`);
    return value.map((item) => read(item, name));
  };
}

function failed(why: string, cause?: unknown): EngineError {
  return new EngineError("InvalidParameter", `Decoding seccomp profile failed: ${why}`, { cause });
}
