import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join } from "node:path";
import { anywhereIn } from "../../model/reach.ts";
import { type Common, rulesOf, type TSchema } from "../../model/schema.ts";
import { child, type Node, type Scalar, textOf, withEntries, withItems, withValues } from "../yaml/node.ts";

/** What is no path of this machine: left as it is. */
const REMOTE = ["https://", "http://", "git://", "ssh://", "github.com/", "git@"];

/** Whether a path may stand anywhere in it. */
const hasPath = anywhereIn(
  (rules) =>
    rules.path !== undefined ||
    rules.kind === "keys" ||
    (rules.kind === "pairs" && rules.valuePath !== undefined) ||
    (rules.kind === "struct" && Object.hasOwn(rules.properties, "driver_opts")),
);

/**
 * Makes the paths in a value in canonical form start from `base` (an absolute directory, or one relative to the project's).
 */
export function resolvePaths(node: Node, schema: TSchema, base: string): Node {
  if (node.mark === "reset" || !hasPath(schema)) return node;
  const rules = rulesOf(schema);
  switch (rules.kind) {
    case "struct": {
      const resolved = mapEntries(node, (key, value) => {
        const property = Object.hasOwn(rules.properties, key) ? rules.properties[key] : undefined;
        return property === undefined ? value : resolvePaths(value, property, base);
      });
      if (rules.path === "bind") return resolveBind(resolved, base);
      return Object.hasOwn(rules.properties, "driver_opts") ? resolveDevice(resolved, base) : resolved;
    }
    case "map":
      return mapEntries(node, (_, value) => resolvePaths(value, rules.values, base));
    case "list": {
      if (node.kind !== "sequence") return node;
      return withItems(node, (item) => resolvePaths(item, rules.items, base));
    }
    case "pairs": {
      const { valuePath } = rules;
      return valuePath === undefined
        ? node
        : mapEntries(node, (_, value) => resolved(value, valuePath, base));
    }
    case "keys":
      return mapEntries(node, (_, value) => resolved(value, "bind", base));
    default:
      return rules.path === undefined ? node : resolved(node, rules.path, base);
  }
}

function mapEntries(node: Node, change: (key: string, value: Node) => Node): Node {
  return node.kind === "mapping" ? withValues(node, change) : node;
}

function resolved(node: Node, kind: NonNullable<Common["path"]>, base: string): Node {
  const text = textOf(node);
  if (text === undefined || text === "") return node;
  const path = resolvePath(text, kind, base);
  return path === text ? node : { ...(node as Scalar), value: path };
}

/** One path, absolute or below `base`. */
function resolvePath(text: string, kind: NonNullable<Common["path"]>, base: string): string {
  if (kind === "context" && isNoLocalContext(text)) return text;
  const path = expandHome(text);
  if (isAbsolute(path) || (kind === "bind" && isWindowsAbsolute(path))) {
    return kind === "link" ? withoutLinks(path) : path;
  }
  const joined = trimmed(join(base, path));
  return kind === "link" ? withoutLinks(joined) : joined;
}

const isNoLocalContext = (text: string): boolean =>
  text.includes("://") || text.startsWith("service:") || REMOTE.some((prefix) => text.startsWith(prefix));

const isWindowsAbsolute = (path: string): boolean => /^([a-zA-Z]:[\\/]|\\\\)/.test(path);

const trimmed = (path: string): string => (path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path);

/** `~` and `~/x` are below the home directory. */
export function expandHome(path: string): string {
  return path.startsWith("~") ? join(process.env["HOME"] || homedir(), path.slice(1)) : path;
}

/** The path with the symbolic links of its existing part followed. */
function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(withoutLinks(parent), basename(path));
  }
}

function resolveBind(node: Node, base: string): Node {
  const source = child(node, "source");
  if (textOf(child(node, "type")) !== "bind" || source === undefined || node.kind !== "mapping") return node;
  return withEntries(node, { source: resolved(source, "bind", base) });
}

/** A `local` volume with `o: bind` is a bind mount of its `device`. */
function resolveDevice(node: Node, base: string): Node {
  const options = child(node, "driver_opts");
  const device = child(options, "device");
  if (node.kind !== "mapping" || options?.kind !== "mapping" || device === undefined) return node;
  if (textOf(child(node, "driver")) !== "local" || textOf(child(options, "o")) !== "bind") return node;
  return withEntries(node, { driver_opts: withEntries(options, { device: resolved(device, "bind", base) }) });
}
