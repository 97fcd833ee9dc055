import type { ContainerConfig, ContainerInspect, ContainerState, HostConfig } from "../wire/index.ts";
import type { Context } from "./context.ts";
import { shownLinks } from "./links.ts";
import { networkSettingsOf } from "./network-view.ts";
import { type ContainerRecord, isRunning, mountPointOf } from "./record.ts";

/** `docker inspect`: everything about one container, from memory but for the sizes. */
export async function inspectContainer(
  context: Context,
  record: ContainerRecord,
  options: { size: boolean },
): Promise<ContainerInspect> {
  const usage = options.size ? await context.snapshots.usage(record.id) : undefined;
  const execIds = context.streams.execs.idsOf(record.id);
  return {
    Id: record.id,
    Created: record.created,
    Path: record.path,
    Args: [...record.args],
    State: stateOf(record),
    Image: record.imageId,
    ...etcPaths(context, record),
    // Docker's is known at the first start.
    LogPath: record.state.startedBefore ? record.logPath : "",
    Name: `/${record.name}`,
    RestartCount: record.state.restartCount,
    Driver: record.driver,
    Platform: record.platform,
    MountLabel: "",
    ProcessLabel: "",
    // Docker's is chosen at the first start.
    AppArmorProfile: (record.state.startedBefore && context.machine.appArmorProfile(record.host)) || "",
    ExecIDs: execIds.length > 0 ? execIds : null,
    HostConfig: shown(
      HOST_DEFAULTS,
      { ...record.host, Links: shownLinks(record), ...restrictedPaths(context, record.host) },
      HOST_OMITTED,
    ),
    GraphDriver: { Name: record.driver, Data: context.snapshots.data?.(record.id) ?? null },
    ...(usage === undefined ? {} : { SizeRw: usage.writableBytes, SizeRootFs: usage.rootFsBytes }),
    Mounts: record.mounts.filter(({ origin }) => origin !== "tmpfs").map(mountPointOf),
    Config: shown(CONFIG_DEFAULTS, record.config, CONFIG_OMITTED),
    NetworkSettings: networkSettingsOf(context, record),
  };
}

function stateOf(record: ContainerRecord): ContainerState {
  const { state } = record;
  return {
    Status: state.status,
    Running: isRunning(record),
    Paused: state.status === "paused",
    Restarting: state.status === "restarting",
    OOMKilled: state.oomKilled,
    Dead: state.status === "dead",
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
    ...(state.health === undefined ? {} : { Health: state.health }),
  };
}

/** The files are those of the container whose network this one has. */
function etcPaths(context: Context, record: ContainerRecord) {
  const mode = record.host.NetworkMode ?? "";
  const owner = mode.startsWith("container:")
    ? context.repository.byId(mode.slice("container:".length))
    : record;
  const path = (name: "hostname" | "hosts" | "resolv.conf") =>
    owner?.state.startedBefore ? context.paths.file(owner.id, name) : "";
  return { ResolvConfPath: path("resolv.conf"), HostnamePath: path("hostname"), HostsPath: path("hosts") };
}

/** The defaults are not kept: they may change with the daemon. */
function restrictedPaths({ machine }: Context, host: HostConfig) {
  const masked = host.Privileged ? null : [...machine.maskedPaths];
  const readOnly = host.Privileged ? null : [...machine.readonlyPaths];
  return { MaskedPaths: host.MaskedPaths ?? masked, ReadonlyPaths: host.ReadonlyPaths ?? readOnly };
}

/**
 * The fields in Docker's order. One that says nothing must not hide its default, and of those that Docker's types call
 * `omitempty` the empty ones are left out.
 */
function shown<T extends object>(defaults: T, fields: T, omitted: ReadonlySet<string>): T {
  const told = Object.entries(fields).filter(([, value]) => value !== undefined);
  const all = Object.entries({ ...defaults, ...Object.fromEntries(told) });
  return Object.fromEntries(all.filter(([name, value]) => !(omitted.has(name) && isEmpty(value)))) as T;
}

/** As Go's `omitempty` has it; a pointer to zero is not empty, and these have none. */
function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return true;
  if (typeof value !== "object") return false;
  return Object.keys(value).length === 0;
}

/**
 * What Docker shows where nothing was asked for: scripts read these fields without looking whether they are
 * there.
 */
const CONFIG_DEFAULTS: ContainerConfig = {
  Hostname: "",
  Domainname: "",
  User: "",
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  ExposedPorts: null,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Healthcheck: null,
  ArgsEscaped: null,
  Image: "",
  Volumes: null,
  WorkingDir: "",
  Entrypoint: null,
  NetworkDisabled: undefined,
  MacAddress: undefined,
  OnBuild: null,
  Labels: {},
  StopSignal: null,
  StopTimeout: null,
  Shell: null,
};
const CONFIG_OMITTED = new Set([
  "ExposedPorts",
  "Healthcheck",
  "ArgsEscaped",
  "NetworkDisabled",
  "MacAddress",
  "StopSignal",
  "StopTimeout",
  "Shell",
]);

const HOST_DEFAULTS: HostConfig = {
  Binds: null,
  ContainerIDFile: "",
  LogConfig: null,
  NetworkMode: "bridge",
  PortBindings: {},
  RestartPolicy: null,
  AutoRemove: false,
  VolumeDriver: "",
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  Annotations: null,
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: "",
  Dns: [],
  DnsOptions: [],
  DnsSearch: [],
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: "",
  Cgroup: "",
  Links: null,
  OomScoreAdj: 0,
  PidMode: "",
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  StorageOpt: null,
  Tmpfs: null,
  UTSMode: "",
  UsernsMode: "",
  ShmSize: 0,
  Sysctls: null,
  Runtime: null,
  Isolation: "",
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: "",
  BlkioWeight: 0,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: "",
  CpusetMems: "",
  Devices: [],
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: false,
  PidsLimit: null,
  Ulimits: [],
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
  Mounts: null,
  MaskedPaths: null,
  ReadonlyPaths: null,
  Init: null,
};
const HOST_OMITTED = new Set([
  "Annotations",
  "StorageOpt",
  "Tmpfs",
  "Sysctls",
  "Runtime",
  "Mounts",
  "Init",
  "KernelMemory",
  "KernelMemoryTCP",
]);
