import { accessSync, constants, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ClientConfig } from "../../sdk/index.ts";

/** Where Docker's client looks for programs that are commands of its, behind the person's own folder. */
const SYSTEM_FOLDERS = [
  "/usr/local/lib/docker/cli-plugins",
  "/usr/local/libexec/docker/cli-plugins",
  "/usr/lib/docker/cli-plugins",
  "/usr/libexec/docker/cli-plugins",
];
const PREFIX = "docker-";
/** What Docker's client takes for a plugin's name: nothing that could be a path or a flag. */
const NAME = /^[a-z][a-z0-9]*$/;
const METADATA_TIMEOUT_MS = 5_000;

/** Folders in which plugins are looked for, the first one first. */
export function pluginFolders(configDirectory: string, config: ClientConfig): string[] {
  return [...(config.cliPluginsExtraDirs ?? []), join(configDirectory, "cli-plugins"), ...SYSTEM_FOLDERS];
}

/** The program of a command that is none of ours; undefined where there is no such plugin. */
export function findPlugin(name: string, folders: readonly string[]): string | undefined {
  if (!NAME.test(name)) return undefined;
  return folders.map((folder) => join(folder, `${PREFIX}${name}`)).find(isExecutable);
}

/** What a plugin says of itself (Docker's protocol: `docker-x docker-cli-plugin-metadata`). */
export interface PluginMetadata {
  readonly SchemaVersion: string;
  readonly Vendor: string;
  readonly Version?: string;
  readonly ShortDescription?: string;
  readonly URL?: string;
}

export interface Plugin {
  readonly name: string;
  readonly path: string;
  /** Absent: it does not speak the protocol, for the reason in `complaint`. */
  readonly metadata?: PluginMetadata;
  readonly complaint?: string;
}

/** All plugins by their names, each asked what it is. */
export async function listPlugins(folders: readonly string[]): Promise<Plugin[]> {
  const sorted = [...pluginPaths(folders)].sort(([a], [b]) => (a < b ? -1 : 1));
  return Promise.all(sorted.map(([name, path]) => describe(name, path)));
}

/** The programs of all plugins by their names; none of them is run. */
export function pluginPaths(folders: readonly string[]): Map<string, string> {
  const paths = new Map<string, string>();
  for (const folder of folders) {
    for (const file of entriesOf(folder)) {
      const name = file.slice(PREFIX.length);
      const path = join(folder, file);
      if (!file.startsWith(PREFIX) || !NAME.test(name) || paths.has(name) || !isExecutable(path)) continue;
      paths.set(name, path);
    }
  }
  return paths;
}

async function describe(name: string, path: string): Promise<Plugin> {
  try {
    const child = Bun.spawn([path, "docker-cli-plugin-metadata"], {
      stdio: ["ignore", "pipe", "ignore"],
      timeout: METADATA_TIMEOUT_MS,
    });
    const [text, code] = await Promise.all([child.stdout.text(), child.exited]);
    if (code !== 0) return { name, path, complaint: `failed to fetch metadata: exit status ${code}` };
    return { name, path, ...checked(JSON.parse(text)) };
  } catch (error) {
    return { name, path, complaint: (error as Error).message };
  }
}

/** By Docker's rules. */
function checked(value: unknown): Pick<Plugin, "metadata" | "complaint"> {
  const { SchemaVersion, Vendor, ...rest } = (value ?? {}) as Partial<PluginMetadata>;
  if (SchemaVersion !== "0.1.0")
    return {
      complaint: `plugin SchemaVersion ${JSON.stringify(SchemaVersion ?? "")} is not valid, must be 0.1.0`,
    };
  if (typeof Vendor !== "string" || Vendor === "")
    return { complaint: "plugin metadata does not define a vendor" };
  return { metadata: { SchemaVersion, Vendor, ...rest } };
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
