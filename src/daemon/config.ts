import { createHash } from "node:crypto";
import { isAbsolute, normalize } from "node:path";
import type { RegistriesConfig, VersionLimits } from "../images/index.ts";
import { invalidParameter, type LogLevel } from "../lib/index.ts";
import { checkNetworksConfig, type NetworksConfig } from "../networks/index.ts";
import { PLUGIN_FOLDERS } from "../volumes/index.ts";
import { activatedSockets } from "./activation.ts";
import { type BuilderConfig, builderConfigOf } from "./builder-config.ts";
import type { CommandLine } from "./command-line.ts";
import { readConfigFile, refuseConflicts, type SettingValues } from "./config-file.ts";
import { networksConfigOf } from "./networks-config.ts";
import { registriesConfigOf } from "./registries-config.ts";
import { flagOf, SETTINGS } from "./settings.ts";
import { type TlsFiles, tlsFilesOf } from "./tls.ts";
import { versionLimitsOf } from "./versions-config.ts";

const DEFAULT_DATA_ROOT = "/var/lib/berth";
const DEFAULT_EXEC_ROOT = "/run/berth";
const DEFAULT_HOST = "unix:///var/run/berth.sock";
const DEFAULT_PIDFILE = "/var/run/berth.pid";
const DEFAULT_CONFIG_FILE = "/etc/berth/daemon.json";

export interface Ulimit {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

/** What the command line and `daemon.json` come to. */
export interface DaemonConfig {
  readonly configFile: string;
  readonly hosts: readonly string[];
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidfile?: string;
  readonly group?: string;
  /** Of the addresses that are tcp://; absent: they are plain. */
  readonly tls?: TlsFiles;
  /** `tls: false` was said: plain TCP may be for others than this host, as with dockerd. */
  readonly insistsOnPlain: boolean;
  readonly logLevel: LogLevel;
  readonly labels: readonly string[];
  readonly logDriver: string;
  readonly logOpts: Readonly<Record<string, string>>;
  /** Without, the best that is installed. */
  readonly defaultRuntime?: string;
  readonly runtimes: Readonly<
    Record<string, { readonly path: string; readonly runtimeArgs?: readonly string[] }>
  >;
  readonly defaultUlimits: readonly Ulimit[];
  readonly defaultShmSizeBytes?: number;
  readonly defaultIpcMode?: string;
  readonly defaultCgroupnsMode?: string;
  readonly cgroupParent: string;
  readonly init: boolean;
  readonly initPath?: string;
  /** Path of a profile, or `unconfined`. */
  readonly seccompProfile?: string;
  readonly noNewPrivileges: boolean;
  readonly networks: NetworksConfig;
  readonly registries: RegistriesConfig;
  readonly imageVersions: VersionLimits;
  readonly builder: BuilderConfig;
  /** How layers are kept; `auto` looks what the kernel can. */
  readonly snapshotter: "auto" | "erofs" | "overlay";
  readonly shutdownTimeoutSeconds: number;
  /** Where volume plugins are looked for. */
  readonly pluginFolders: readonly string[];
  /** What tells this daemon's bridge, table and cgroups from those of others on the host. */
  readonly instance: Instance;
}

export interface Instance {
  /** `berth`, or `berth-<8 hex digits>` of the data root for a daemon that isn't at the default place. */
  readonly name: string;
  readonly bridge: string;
}

/**
 * Reads the file that the command line names and joins the two.
 * @throws InvalidParameter in dockerd's words
 */
export function loadConfig(commandLine: CommandLine): DaemonConfig {
  const path = commandLine.configFile ?? DEFAULT_CONFIG_FILE;
  const file = readConfigFile(path, commandLine.configFile !== undefined);
  refuseConflicts(path, file, commandLine.values);
  const values: SettingValues = new Map([...file, ...commandLine.values]);
  refuseUnsupported(values);
  return toConfig(path, values);
}

function refuseUnsupported(values: SettingValues): void {
  for (const setting of SETTINGS) {
    if (!values.has(setting.key)) continue;
    const reason = setting.refuse?.(values.get(setting.key));
    if (reason !== undefined)
      throw invalidParameter(`invalid value for ${flagOf(setting) ?? setting.key}: ${reason}`);
  }
}

function toConfig(configFile: string, values: SettingValues): DaemonConfig {
  const get = <T>(key: string) => values.get(key) as T | undefined;
  const dataRoot = absolutePath("data-root", get<string>("data-root") ?? DEFAULT_DATA_ROOT);
  const execRoot = absolutePath("exec-root", get<string>("exec-root") ?? DEFAULT_EXEC_ROOT);
  const instance = instanceOf(dataRoot);
  const shmSize = get<string | number>("default-shm-size");
  const optional = <K extends string, V>(key: K, value: V | undefined) =>
    (value === undefined || value === "" ? {} : { [key]: value }) as { [P in K]?: V };
  return {
    configFile,
    hosts: get<string[]>("hosts") ?? defaultHosts(),
    dataRoot,
    execRoot,
    // Like dockerd's, but only at the default place: several daemons share a host.
    ...optional("pidfile", get<string>("pidfile") ?? (isDefault(dataRoot) ? DEFAULT_PIDFILE : undefined)),
    ...optional("group", get<string>("group")),
    ...optional("tls", tlsFilesOf(values)),
    insistsOnPlain: get<boolean>("tls") === false,
    logLevel: logLevel(get<boolean>("debug"), get<string>("log-level")),
    labels: get<string[]>("labels") ?? [],
    logDriver: get<string>("log-driver") ?? "json-file",
    logOpts: get<Record<string, string>>("log-opts") ?? {},
    ...optional("defaultRuntime", get<string>("default-runtime")),
    runtimes: get<DaemonConfig["runtimes"]>("runtimes") ?? {},
    defaultUlimits: Object.values(get<Record<string, Ulimit>>("default-ulimits") ?? {}),
    ...optional("defaultShmSizeBytes", shmSize === undefined ? undefined : parseSize(shmSize)),
    ...optional(
      "defaultIpcMode",
      oneOf("default-ipc-mode", get<string>("default-ipc-mode"), ["private", "shareable"]),
    ),
    ...optional(
      "defaultCgroupnsMode",
      oneOf("default-cgroupns-mode", get<string>("default-cgroupns-mode"), ["private", "host"]),
    ),
    cgroupParent: get<string>("cgroup-parent") ?? `/${instance.name}`,
    init: get<boolean>("init") ?? false,
    ...optional("initPath", get<string>("init-path")),
    ...optional("seccompProfile", get<string>("seccomp-profile")),
    noNewPrivileges: get<boolean>("no-new-privileges") ?? false,
    networks: networksOf(values),
    registries: registriesConfigOf(values, configFile),
    imageVersions: versionLimitsOf(values),
    builder: builderConfigOf(values),
    snapshotter: snapshotterOf(get<string>("storage-driver")),
    shutdownTimeoutSeconds: get<number>("shutdown-timeout") ?? 15,
    pluginFolders: (get<string[]>("plugin-folders") ?? PLUGIN_FOLDERS).map((path) =>
      absolutePath("plugin-folders", path),
    ),
    instance,
  };
}

/** Whoever starts the daemon with sockets means them, and need not say so by a flag that `daemon.json` may not repeat. */
function defaultHosts(): string[] {
  return activatedSockets(process.env, process.pid).length > 0 ? ["fd://"] : [DEFAULT_HOST];
}

/** @throws InvalidParameter for what makes no sense, before anything is begun */
function networksOf(values: SettingValues): NetworksConfig {
  if (values.has("host-gateway-ip") && values.has("host-gateway-ips")) {
    throw invalidParameter("the options host-gateway-ip and host-gateway-ips exclude each other");
  }
  const config = networksConfigOf(values);
  checkNetworksConfig(config);
  return config;
}

function snapshotterOf(storageDriver: string | undefined): DaemonConfig["snapshotter"] {
  if (storageDriver === "erofs") return "erofs";
  return storageDriver === "overlay2" ? "overlay" : "auto";
}

function absolutePath(name: string, path: string): string {
  if (!isAbsolute(path) || path.includes("\0"))
    throw invalidParameter(`invalid value for ${name}: ${path} is not an absolute path`);
  return normalize(path).replace(/(.)\/+$/, "$1");
}

const isDefault = (dataRoot: string) => dataRoot === DEFAULT_DATA_ROOT;

/** Several daemons share a host without a word to each other, so their names come from what they can't share. */
export function instanceOf(dataRoot: string): Instance {
  if (isDefault(dataRoot)) return { name: "berth", bridge: "berth0" };
  const suffix = createHash("sha256").update(dataRoot).digest("hex").slice(0, 8);
  return { name: `berth-${suffix}`, bridge: `br-${suffix}` };
}

function logLevel(debug: boolean | undefined, level: string | undefined): LogLevel {
  if (debug === true) return "debug";
  const known = oneOf("log-level", level, ["debug", "info", "warn", "error", "fatal"]) ?? "info";
  return known === "fatal" ? "error" : (known as LogLevel);
}

function oneOf(name: string, value: string | undefined, accepted: readonly string[]): string | undefined {
  if (value === undefined || accepted.includes(value)) return value;
  throw invalidParameter(
    `invalid value for ${name}: ${JSON.stringify(value)} is none of ${accepted.join(", ")}`,
  );
}

/** Bytes of `64M`, `1g`, `67108864`: Docker's units, powers of 1024. */
function parseSize(size: string | number): number {
  if (typeof size === "number") return size;
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)i?b?$/i.exec(size);
  if (match === null) throw invalidParameter(`invalid size: '${size}'`);
  const exponent = "bkmgt".indexOf((match[2] || "b").toLowerCase());
  return Math.floor(Number(match[1]) * 1024 ** exponent);
}
