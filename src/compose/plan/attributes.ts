import type { Service } from "../model/index.ts";
import { toJson } from "../project/render/json.ts";
import { countedAttributes } from "./counted.ts";
import type { AttributeChange } from "./types.ts";

/** A value that is longer is kept as a digest: a label is no place for a file. A list may be so many times as long. */
const LONGEST = 256;
const LONGEST_LISTS = 8;
/** Attributes that may hold what not everybody who reads labels is to know: kept as digests. */
const PRIVATE: ReadonlySet<string> = new Set([
  "command",
  "entrypoint",
  "healthcheck",
  "post_start",
  "pre_start",
  "pre_stop",
]);
/** Mappings whose entries are compared one by one. */
const BY_ENTRY: ReadonlySet<string> = new Set([
  "environment",
  "labels",
  "annotations",
  "sysctls",
  "networks",
]);

/**
 * A service's attributes as they count for the configuration hash, attribute by attribute, for the label that
 * containers carry. `environment` has the digest of each value.
 */
export function attributesOf(service: Service): string {
  const kept: string[] = [];
  for (const [name, value] of countedAttributes(service)) {
    const json = toJson(value);
    if (json !== "null") kept.push(`${JSON.stringify(name)}:${keptValue(name, json)}`);
  }
  return `{${kept.join(",")}}`;
}

function keptValue(name: string, json: string): string {
  if (name === "environment") {
    const values = JSON.parse(json) as Record<string, string | null>;
    const digests = Object.entries(values).map(([key, value]) => [key, digestOf(JSON.stringify(value))]);
    return JSON.stringify(Object.fromEntries(digests));
  }
  const longest = json.startsWith("[") ? LONGEST * LONGEST_LISTS : LONGEST;
  const hidden = PRIVATE.has(name) || json.length > longest || json.startsWith('"#');
  return hidden ? JSON.stringify(digestOf(json)) : json;
}

const digestOf = (text: string): string =>
  `#${new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 12)}`;

/** What a label of `attributesOf` and a service differ in; undefined where the label cannot be read. */
export function changedAttributes(label: string, service: Service): AttributeChange[] | undefined {
  const old = parseObject(label);
  const now = parseObject(attributesOf(service));
  if (old === undefined || now === undefined) return undefined;
  return compareValues(old, now, "", (path) => BY_ENTRY.has(path));
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function compareValues(
  old: Record<string, unknown>,
  now: Record<string, unknown>,
  above: string,
  goesDeeper: (path: string) => boolean,
): AttributeChange[] {
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].flatMap((key) => {
    const path = above === "" ? key : `${above}.${key}`;
    const [before, after] = [old[key], now[key]];
    if (Bun.deepEquals(before, after)) return [];
    if (goesDeeper(path) && isObject(before ?? {}) && isObject(after ?? {})) {
      const [inner, outer] = [
        (before ?? {}) as Record<string, unknown>,
        (after ?? {}) as Record<string, unknown>,
      ];
      return compareValues(inner, outer, path, () => false);
    }
    const [gone, come] = [before ?? [], after ?? []];
    if (Array.isArray(gone) && Array.isArray(come) && path !== "command")
      return compareItems(path, gone, come);
    return [change(path, before, after)];
  });
}

/** Lists are told by what came and what went. */
function compareItems(
  attribute: string,
  old: readonly unknown[],
  now: readonly unknown[],
): AttributeChange[] {
  const [before, after] = [old.map((item) => tellItem(item)), now.map((item) => tellItem(item))];
  const gone = before.filter((item) => !after.includes(item));
  const come = after.filter((item) => !before.includes(item));
  // Only their order, or something that is not told.
  if (gone.length === 0 && come.length === 0) return [change(attribute, old, now)];
  return [
    ...gone.map((item): AttributeChange => ({ attribute, kind: "removed", old: item })),
    ...come.map((item): AttributeChange => ({ attribute, kind: "added", new: item })),
  ];
}

/** Ports and volumes in their short syntax, as far as that says it. */
function tellItem(item: unknown): string {
  if (!isObject(item)) return tell(item) ?? "";
  const { target, published, protocol, host_ip, source, type, read_only } = item;
  if (protocol !== undefined) {
    const host = [host_ip, published].filter((part) => part !== undefined && part !== "").join(":");
    return `${host === "" ? "" : `${host}:`}${target}/${protocol}`;
  }
  if (typeof type === "string" && typeof target === "string") {
    const from = typeof source === "string" && source !== "" ? `${source}:` : "";
    const kind = type === "volume" || type === "bind" ? "" : ` (${type})`;
    return `${from}${target}${read_only === true ? ":ro" : ""}${kind}`;
  }
  return JSON.stringify(item);
}

/** One change as it is told; `undefined` stands for nothing said. */
export function change(attribute: string, before: unknown, after: unknown): AttributeChange {
  const kind = before === undefined ? "added" : after === undefined ? "removed" : "changed";
  const [old, now] = [tell(before), tell(after)];
  return {
    attribute,
    kind,
    ...(old === undefined ? {} : { old }),
    ...(now === undefined ? {} : { new: now }),
  };
}

/** Digests tell nothing. */
function tell(value: unknown): string | undefined {
  if (value === undefined || (typeof value === "string" && value.startsWith("#"))) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}
