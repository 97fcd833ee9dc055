import type { ContainerConfig, ContainerInspect, ContainerState, HostConfig } from "../wire/index.ts";
import type { Context } from "./context.ts";
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
    LogPath: record.logPath,
    Name: `/${record.name}`,
    RestartCount: record.state.restartCount,
    Driver: record.driver,
    Platform: record.platform,
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: execIds.length > 0 ? execIds : null,
    HostConfig: {
      ...HOST_DEFAULTS,
      ...withoutMissing(record.host),
      ...restrictedPaths(context, record.host),
    },
    GraphDriver: { Name: record.driver, Data: context.snapshots.data?.(record.id) ?? null },
    ...(usage === undefined ? {} : { SizeRw: usage.writableBytes, SizeRootFs: usage.rootFsBytes }),
    Mounts: record.mounts.filter(({ origin }) => origin !== "tmpfs").map(mountPointOf),
    Config: { ...CONFIG_DEFAULTS, ...withoutMissing(record.config) },
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

/** A field that says nothing must not hide its default. */
function withoutMissing<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
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
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: [],
  Cmd: null,
  Image: "",
  Volumes: null,
  WorkingDir: "",
  Entrypoint: null,
  OnBuild: null,
  Labels: {},
};

const HOST_DEFAULTS: HostConfig = {
  Binds: null,
  ContainerIDFile: "",
  NetworkMode: "bridge",
  PortBindings: {},
  AutoRemove: false,
  VolumeDriver: "",
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  CapAdd: null,
  CapDrop: null,
  Dns: [],
  DnsOptions: [],
  DnsSearch: [],
  ExtraHosts: null,
  GroupAdd: null,
  Cgroup: "",
  Links: null,
  OomScoreAdj: 0,
  PidMode: "",
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: "",
  UsernsMode: "",
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
  MaskedPaths: null,
  ReadonlyPaths: null,
};
