import { readdirSync, readFileSync, statSync } from "node:fs";
import { hostname, release } from "node:os";
import { API_VERSION, type DiskUsageKind, MIN_API_VERSION, type SystemBackend } from "../api/index.ts";
import type { CacheRecordSummary } from "../build/index.ts";
import { VERSION } from "../lib/index.ts";
import { cpuCount, memory } from "../linux/index.ts";
import type { HostReport, OciRuntimes } from "../runtime/index.ts";
import type { EventLog } from "../store/index.ts";
import type { AuthConfig, AuthResponse, DiskUsage, SystemInfo, SystemVersion } from "../wire/index.ts";
import type { DaemonConfig } from "./config.ts";
import { registryInfoOf, withoutPassword } from "./registries-config.ts";

/** What `info` counts and `system df` weighs. */
export interface SystemRooms {
  /** As it is now: some of it can be reloaded. */
  readonly config: () => DaemonConfig;
  readonly engineId: string;
  readonly host: HostReport;
  readonly runtimes: OciRuntimes;
  readonly events: EventLog;
  readonly containers: {
    counts(): { running: number; paused: number; stopped: number };
    list(options: {
      all: boolean;
      size: boolean;
      filters: Record<string, string[]>;
    }): Promise<NonNullable<DiskUsage["Containers"]>>;
  };
  readonly images: {
    count(): number;
    list(options: { all: boolean; sharedSize: boolean }): Promise<NonNullable<DiskUsage["Images"]>>;
    layersSize(): number;
    readonly versions: { usage(): NonNullable<DiskUsage["ImageVersions"]> };
    readonly snapshots: { readonly driver: string };
    readonly registry: { logIn(auth: AuthConfig): Promise<AuthResponse> };
  };
  readonly builds: { diskUsage(): Promise<readonly CacheRecordSummary[]> };
  readonly volumes: {
    usage(signal: AbortSignal): Promise<NonNullable<DiskUsage["Volumes"]>>;
    drivers(): Promise<string[]>;
  };
}

/** Words of Docker's for the machine that Node and Go name otherwise. */
const GO_ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
const KERNEL_ARCHITECTURES: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };
const LOG_DRIVERS = ["fluentd", "journald", "json-file", "local", "none", "syslog"];

/** The routes of the system as a whole, answered from the rooms. */
export function createSystem(rooms: SystemRooms): SystemBackend {
  return {
    builderVersion: "1",
    info: () => systemInfo(rooms),
    version: () => systemVersion(rooms.host),
    diskUsage: (kinds, signal) => diskUsage(rooms, kinds, signal),
    login: (auth) => rooms.images.registry.logIn(auth),
  };
}

function systemVersion(host: HostReport): SystemVersion {
  const arch = GO_ARCHITECTURES[process.arch] ?? process.arch;
  const engine = {
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    Version: VERSION,
    GitCommit: "",
    GoVersion: `bun${Bun.version}`,
    Os: "linux",
    Arch: arch,
    KernelVersion: release(),
    Experimental: false,
    BuildTime: BUILD_TIME,
  };
  const { Version, ...details } = engine;
  const detailTexts = Object.fromEntries(Object.entries(details).map(([key, value]) => [key, String(value)]));
  const component = (Name: string, version: string | undefined) =>
    version === undefined ? [] : [{ Name, Version: version, Details: { GitCommit: "" } }];
  return {
    Platform: { Name: "berth" },
    Components: [
      { Name: "Engine", Version, Details: detailTexts },
      ...component("crun", host.crunVersion),
      ...component("runc", host.runcVersion),
      ...component("conmon", host.monitorVersion),
      ...component("docker-init", host.initVersion),
    ],
    ...engine,
  };
}

/** The executable carries its own time; a checkout that runs from source was built just now. */
const BUILD_TIME = new Date(statSync(process.execPath).mtimeMs).toISOString();

async function systemInfo(rooms: SystemRooms): Promise<SystemInfo> {
  const { host } = rooms;
  const volumeDrivers = await rooms.volumes.drivers();
  const config = rooms.config();
  const counts = rooms.containers.counts();
  const { limits } = host;
  const bridgePool = (config.networks.defaultAddressPools ?? []).map(({ base = "", size = 0 }) => ({
    Base: base,
    Size: size,
  }));
  return {
    ID: rooms.engineId,
    Containers: counts.running + counts.paused + counts.stopped,
    ContainersRunning: counts.running,
    ContainersPaused: counts.paused,
    ContainersStopped: counts.stopped,
    Images: rooms.images.count(),
    Driver: rooms.images.snapshots.driver,
    DriverStatus: [
      ["Backing Filesystem", fileSystemOf(config.dataRoot)],
      ["Supports d_type", "true"],
    ],
    DockerRootDir: config.dataRoot,
    Plugins: {
      Volume: volumeDrivers,
      Network: ["bridge", "host", "ipvlan", "macvlan", "null"],
      Authorization: null,
      Log: LOG_DRIVERS,
    },
    MemoryLimit: limits.memory,
    SwapLimit: limits.swap,
    CpuCfsPeriod: limits.cpuCfs,
    CpuCfsQuota: limits.cpuCfs,
    CPUShares: limits.cpuShares,
    CPUSet: limits.cpuset,
    PidsLimit: limits.pids,
    OomKillDisable: limits.oomKillDisable,
    IPv4Forwarding: readText("/proc/sys/net/ipv4/ip_forward") === "1",
    Debug: config.logLevel === "debug",
    NFd: descriptorCount(),
    NGoroutines: 1,
    SystemTime: new Date().toISOString(),
    LoggingDriver: config.logDriver,
    CgroupDriver: host.cgroupDriver,
    CgroupVersion: String(host.cgroupVersion),
    NEventsListener: rooms.events.listeners,
    KernelVersion: release(),
    OperatingSystem: osRelease("PRETTY_NAME") ?? "Linux",
    OSVersion: osRelease("VERSION_ID") ?? "",
    OSType: "linux",
    Architecture: KERNEL_ARCHITECTURES[process.arch] ?? process.arch,
    NCPU: cpuCount(),
    MemTotal: memory().totalBytes,
    IndexServerAddress: "https://index.docker.io/v1/",
    RegistryConfig: registryInfoOf(config.registries),
    GenericResources: null,
    HttpProxy: withoutPassword(config.registries.proxies.http),
    HttpsProxy: withoutPassword(config.registries.proxies.https),
    NoProxy: config.registries.proxies.no ?? "",
    Name: hostname(),
    Labels: [...config.labels],
    ExperimentalBuild: false,
    ServerVersion: VERSION,
    Runtimes: Object.fromEntries(rooms.runtimes.names().map(({ name, path }) => [name, { path }])),
    DefaultRuntime: rooms.runtimes.default,
    Swarm: {
      NodeID: "",
      NodeAddr: "",
      LocalNodeState: "inactive",
      ControlAvailable: false,
      Error: "",
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    Isolation: "",
    InitBinary: "docker-init",
    ContainerdCommit: { ID: "" },
    RuncCommit: { ID: host.runcVersion ?? "" },
    InitCommit: { ID: host.initVersion ?? "" },
    SecurityOptions: [...host.securityOptions],
    FirewallBackend: { Driver: "nftables" },
    CDISpecDirs: ["/etc/cdi", "/var/run/cdi"],
    Warnings: host.warnings.length === 0 ? null : [...host.warnings],
    ...(bridgePool.length === 0 ? {} : { DefaultAddressPools: bridgePool }),
  };
}

async function diskUsage(
  rooms: SystemRooms,
  kinds: ReadonlySet<DiskUsageKind>,
  signal: AbortSignal,
): Promise<DiskUsage> {
  const [images, layers, containers, volumes, cache] = await Promise.all([
    kinds.has("image") ? rooms.images.list({ all: true, sharedSize: true }) : undefined,
    kinds.has("image") ? rooms.images.layersSize() : undefined,
    kinds.has("container") ? rooms.containers.list({ all: true, size: true, filters: {} }) : undefined,
    kinds.has("volume") ? rooms.volumes.usage(signal) : undefined,
    kinds.has("build-cache") ? rooms.builds.diskUsage() : undefined,
  ]);
  return {
    ...(layers === undefined ? {} : { LayersSize: layers }),
    ...(images === undefined ? {} : { Images: images, ImageVersions: rooms.images.versions.usage() }),
    ...(containers === undefined ? {} : { Containers: containers }),
    ...(volumes === undefined ? {} : { Volumes: volumes }),
    ...(cache === undefined ? {} : { BuildCache: cache.map(cacheRecord) }),
  };
}

/** A record of the build cache in the API's words. */
function cacheRecord(record: CacheRecordSummary): NonNullable<DiskUsage["BuildCache"]>[number] {
  return {
    ID: record.id,
    Parents: record.parents.length === 0 ? null : [...record.parents],
    Type: record.type,
    Description: record.description,
    InUse: record.inUse,
    Shared: record.shared,
    Size: record.sizeBytes,
    CreatedAt: record.createdAt.toISOString(),
    LastUsedAt: record.lastUsedAt?.toISOString() ?? null,
    UsageCount: record.usageCount,
  };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

function osRelease(key: string): string | undefined {
  const text = readText("/etc/os-release") ?? readText("/usr/lib/os-release") ?? "";
  return new RegExp(`^${key}="?([^"\\n]*)"?$`, "m").exec(text)?.[1];
}

function descriptorCount(): number {
  return readdirSync("/proc/self/fd").length;
}

/** The kernel's name of the file system that holds a path. */
function fileSystemOf(path: string): string {
  const mounts = (readText("/proc/self/mounts") ?? "").split("\n").map((line) => line.split(" "));
  const holding = mounts.filter(
    ([, target]) => target === "/" || path === target || path.startsWith(`${target}/`),
  );
  return holding.sort((a, b) => b[1]!.length - a[1]!.length)[0]?.[2] ?? "unknown";
}
