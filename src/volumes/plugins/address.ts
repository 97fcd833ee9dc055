import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { invalidParameter, messageOf } from "../../lib/index.ts";

/** Where a plugin listens. */
export type PluginAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls?: PluginTls };

/** Of a `.json` file. Files hold PEM. */
export interface PluginTls {
  readonly insecureSkipVerify: boolean;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** A file that says where a plugin is. */
export interface PluginFile {
  readonly name: string;
  readonly path: string;
  /** Another one after the file was replaced: whatever was known of the plugin is out of date then. */
  readonly version: string;
}

/** Where Docker looks for plugins (docs.docker.com/engine/extend/plugin_api). */
export const PLUGIN_FOLDERS: readonly string[] = [
  "/run/docker/plugins",
  "/etc/docker/plugins",
  "/usr/lib/docker/plugins",
];

const KINDS = ["sock", "spec", "json"] as const;
/** A name becomes a part of a path. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;
const FILE_BYTES_MAX = 64 * 1024;

/** The file of a plugin: `name.sock`, `name.spec` or `name.json`, in one of the folders or in `name/` there. */
export function findPlugin(folders: readonly string[], name: string): PluginFile | undefined {
  if (!NAME.test(name)) return undefined;
  for (const folder of folders) {
    for (const directory of [folder, join(folder, name)]) {
      for (const kind of KINDS) {
        const file = pluginFile(name, join(directory, `${name}.${kind}`));
        if (file !== undefined) return file;
      }
    }
  }
  return undefined;
}

function pluginFile(name: string, path: string): PluginFile | undefined {
  try {
    const facts = statSync(path, { bigint: true });
    if (facts.isSocket() !== path.endsWith(".sock")) return undefined;
    return { name, path, version: `${path} ${facts.dev}:${facts.ino} ${facts.mtimeNs}` };
  } catch {
    return undefined;
  }
}

/** All plugins that there are, of any kind, the name of each once. */
export function listPlugins(folders: readonly string[]): PluginFile[] {
  const names = new Set<string>();
  for (const folder of folders) {
    if (!existsSync(folder)) continue;
    for (const entry of readdirSync(folder)) names.add(entry.replace(/\.(?:sock|spec|json)$/, ""));
  }
  return [...names].sort().flatMap((name) => findPlugin(folders, name) ?? []);
}

/** @throws InvalidParameter for a file that makes no sense */
export function readAddress(file: PluginFile): PluginAddress {
  if (file.path.endsWith(".sock")) return { kind: "unix", path: file.path };
  try {
    const { size } = statSync(file.path);
    if (size > FILE_BYTES_MAX) throw new Error(`it has more than ${FILE_BYTES_MAX} bytes`);
    const text = readFileSync(file.path, "utf8").trim();
    return file.path.endsWith(".spec") ? parseAddress(text, undefined) : parseDescription(text);
  } catch (error) {
    throw invalidParameter(`plugin ${JSON.stringify(file.name)}: ${file.path}: ${messageOf(error)}`, error);
  }
}

/** `{"Name": "x", "Addr": "https://host:port", "TLSConfig": {…}}` */
function parseDescription(text: string): PluginAddress {
  const { Addr: address, TLSConfig: tls } = JSON.parse(text) as { Addr?: unknown; TLSConfig?: unknown };
  if (typeof address !== "string") throw new Error("Addr is missing");
  return parseAddress(address, tls === undefined || tls === null ? undefined : parseTls(tls as object));
}

function parseTls(config: object): PluginTls {
  const { InsecureSkipVerify, CAFile, CertFile, KeyFile } = config as Record<string, unknown>;
  const file = (key: string, value: unknown) =>
    typeof value === "string" && value !== "" ? { [key]: value } : {};
  return {
    insecureSkipVerify: InsecureSkipVerify === true,
    ...file("caFile", CAFile),
    ...file("certFile", CertFile),
    ...file("keyFile", KeyFile),
  };
}

function parseAddress(text: string, tls: PluginTls | undefined): PluginAddress {
  const unix = /^unix:\/\/(\/[^\0]*)$/.exec(text);
  if (unix !== null) return { kind: "unix", path: unix[1]! };
  const tcp = /^(?:tcp|https?):\/\/(?:\[([0-9a-fA-F:.]+)\]|([^:/[\]\s]+)):(\d{1,5})\/?$/.exec(text);
  if (tcp === null) throw new Error(`no address: ${JSON.stringify(text.slice(0, 200))}`);
  const secure = tls ?? (text.startsWith("https:") ? { insecureSkipVerify: false } : undefined);
  return {
    kind: "tcp",
    host: (tcp[1] ?? tcp[2])!,
    port: Number(tcp[3]),
    ...(secure === undefined ? {} : { tls: secure }),
  };
}

/** As it is shown in messages. */
export function showAddress(address: PluginAddress): string {
  return address.kind === "unix" ? `unix://${address.path}` : `tcp://${address.host}:${address.port}`;
}
