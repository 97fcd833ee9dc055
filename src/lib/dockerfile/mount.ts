import { EngineError, invalidParameter } from "../errors.ts";
import { csvFields } from "./csv.ts";
import type { DeviceFlag, MountFlag } from "./instruction.ts";
import { didYouMean } from "./nearest.ts";
import { quote } from "./text.ts";
import { parseBool, parseSizeBytes, parseUint32 } from "./values.ts";

const TYPES = ["bind", "cache", "tmpfs", "secret", "ssh"] as const;
export type MountType = (typeof TYPES)[number];
const SHARINGS = ["shared", "private", "locked"] as const;
export type CacheSharing = (typeof SHARINGS)[number];

/** `RUN --mount=…` with its variables put in. */
export interface RunMount {
  readonly type: MountType;
  readonly from: string;
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Bytes; undefined for no limit. */
  readonly size: number | undefined;
  readonly id: string;
  readonly sharing: CacheSharing | undefined;
  readonly required: boolean;
  /** The variable that a secret is put into; undefined: a file. */
  readonly env: string | undefined;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function fieldsOf(text: string, what: string): string[] {
  try {
    return csvFields(text);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw invalidParameter(`failed to parse csv ${what}: ${error.message}`);
  }
}

function cutField(field: string): { key: string; value: string | undefined } {
  const equals = field.indexOf("=");
  const key = equals < 0 ? field : field.slice(0, equals);
  return { key: key.toLowerCase(), value: equals < 0 ? undefined : field.slice(equals + 1) };
}

/**
 * What is known of a mount before variables are: only where it comes from, which decides what the stage depends on. All
 * else waits until the stage is built, as with BuildKit, where a stage that is not needed may hold anything.
 * @throws InvalidParameter
 */
export function parseMountFlag(text: string): MountFlag {
  let from = "";
  for (const { key, value } of fieldsOf(text, "mounts").map(cutField)) {
    if (key !== "from" || value === undefined) continue;
    const dollar = value.indexOf("$");
    if (dollar >= 0 && dollar !== value.length - 1) {
      throw invalidParameter("'from' doesn't support variable expansion, define alias stage instead");
    }
    from = value;
  }
  return { text, from };
}

/**
 * A mount with its variables put in (BuildKit's `parseMount`).
 * @throws InvalidParameter
 */
export function resolveMount(flag: MountFlag, expand: (word: string) => string): RunMount {
  const mount = new MountFields();
  for (const field of fieldsOf(flag.text, "mounts")) {
    const { key, value } = cutField(field);
    if (value === undefined) mount.setBare(key, field);
    else mount.set(key, expand(value), field);
  }
  return mount.checked();
}

const KEYS = [
  ...[
    "type",
    "from",
    "source",
    "target",
    "readonly",
    "id",
    "sharing",
    "required",
    "size",
    "mode",
    "uid",
    "gid",
  ],
  ...["src", "dst", "destination", "ro", "rw", "readwrite", "env"],
];

class MountFields {
  readonly #fields: Mutable<RunMount> = {
    type: "bind",
    from: "",
    source: "",
    target: "",
    readOnly: true,
    size: undefined,
    id: "",
    sharing: undefined,
    required: false,
    env: undefined,
    mode: undefined,
    uid: undefined,
    gid: undefined,
  };
  #saysReadOnly = false;

  setBare(key: string, field: string): void {
    if (key === "readonly" || key === "ro") this.#setReadOnly(true);
    else if (key === "readwrite" || key === "rw") this.#setReadOnly(false);
    else if (key === "required") this.#setRequired(true);
    else throw invalidParameter(`invalid field '${field}' must be a key=value pair`);
  }

  set(key: string, value: string, field: string): void {
    const fields = this.#fields;
    if (key === "type") fields.type = oneOf(TYPES, value, "unsupported mount type");
    else if (key === "from") fields.from = value;
    else if (key === "source" || key === "src") fields.source = value;
    else if (key === "target" || key === "dst" || key === "destination") fields.target = value;
    else if (key === "readonly" || key === "ro") this.#setReadOnly(bool(key, value));
    else if (key === "readwrite" || key === "rw") this.#setReadOnly(!bool(key, value));
    else if (key === "required") this.#setRequired(bool(key, value));
    else if (key === "size") this.#setSize(value);
    else if (key === "id") fields.id = value;
    else if (key === "sharing") fields.sharing = oneOf(SHARINGS, value, "unsupported sharing value");
    else if (key === "mode") fields.mode = uint(key, value, 8);
    else if (key === "uid" || key === "gid") fields[key] = uint(key, value, 10);
    else if (key === "env") fields.env = value;
    else throw invalidParameter(`unexpected key '${key}' in '${field}'${didYouMean(key, KEYS)}`);
  }

  #setReadOnly(readOnly: boolean): void {
    this.#fields.readOnly = readOnly;
    this.#saysReadOnly = true;
  }

  #setRequired(required: boolean): void {
    if (this.#fields.type !== "secret" && this.#fields.type !== "ssh") throw this.#unfit("required");
    this.#fields.required = required;
  }

  #setSize(value: string): void {
    if (this.#fields.type !== "tmpfs") throw this.#unfit("size");
    const bytes = parseSizeBytes(value);
    if (bytes === undefined) throw invalidParameter(`invalid value for size: ${value}`);
    this.#fields.size = bytes;
  }

  #unfit(key: string): EngineError {
    return invalidParameter(`unexpected key '${key}' for mount type '${this.#fields.type}'`);
  }

  /** The rules that hold between keys. */
  checked(): RunMount {
    const fields = this.#fields;
    const { type } = fields;
    if (type === "bind" || type === "tmpfs") {
      for (const key of ["mode", "uid", "gid"] as const) {
        if (fields[key] !== undefined) throw invalidParameter(`${key} not allowed for "${type}" type mounts`);
      }
    }
    if (!this.#saysReadOnly) fields.readOnly = type !== "cache" && type !== "tmpfs";
    if (type === "secret") checkSecret(fields);
    if (fields.sharing !== undefined && type !== "cache") {
      throw invalidParameter(`invalid cache sharing set for ${type} mount`);
    }
    return fields;
  }
}

function checkSecret({ from, sharing, source, target, id }: RunMount): void {
  if (from !== "") throw invalidParameter("secret mount should not have a from");
  if (sharing !== undefined) throw invalidParameter("secret mount should not define sharing");
  if (source === "" && target === "" && id === "") {
    throw invalidParameter("invalid secret mount. one of source, target required");
  }
  if (source !== "" && id !== "") throw invalidParameter("both source and id can't be set");
}

function oneOf<T extends string>(known: readonly T[], value: string, complaint: string): T {
  const found = known.find((name) => name === value.toLowerCase());
  if (found === undefined) {
    throw invalidParameter(`${complaint} ${quote(value)}${didYouMean(value, known)}`);
  }
  return found;
}

function bool(key: string, value: string): boolean {
  const parsed = parseBool(value);
  if (parsed === undefined) throw invalidParameter(`invalid value for ${key}: ${value}`);
  return parsed;
}

function uint(key: string, value: string, base: 8 | 10): number {
  const parsed = parseUint32(value, base);
  if (parsed === undefined) throw invalidParameter(`invalid value ${value} for ${key}`);
  return parsed;
}

/** `--device=name=vendor.com/class=name,required` (BuildKit's `ParseDevice`). @throws InvalidParameter */
export function parseDeviceFlag(text: string): DeviceFlag {
  let name = "";
  let required = false;
  for (const field of fieldsOf(text, "devices")) {
    const { key, value } = cutField(field);
    if (key === "required") required = value === undefined || bool(key, value);
    else if (key === "name" && value !== undefined) {
      if (name !== "") throw invalidParameter(`device name already set to ${name}`);
      name = value;
    } else if (name === "") name = field;
    else if (value === undefined) throw invalidParameter(`invalid field '${field}' must be a key=value pair`);
    else
      throw invalidParameter(`unexpected key '${key}' in '${field}'${didYouMean(key, ["name", "required"])}`);
  }
  return { name, required };
}
