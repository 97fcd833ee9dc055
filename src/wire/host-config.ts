import {
  Bool,
  Int,
  list,
  map,
  nil,
  opt,
  orNull,
  type Static,
  struct,
  Text,
  TextMap,
  Texts,
  Uint,
  Words,
} from "./schema.ts";

export const DeviceMappingSchema = struct({
  PathOnHost: opt(Text),
  PathInContainer: opt(Text),
  CgroupPermissions: opt(Text),
});
export type DeviceMapping = Static<typeof DeviceMappingSchema>;

/** `--gpus` and CDI devices (`Driver: "cdi"`). */
export const DeviceRequestSchema = struct({
  Driver: opt(Text),
  /** -1: all. */
  Count: opt(Int),
  DeviceIDs: nil(Texts),
  Capabilities: nil(list(Texts)),
  Options: nil(TextMap),
});
export type DeviceRequest = Static<typeof DeviceRequestSchema>;

export const ThrottleDeviceSchema = struct({ Path: opt(Text), Rate: opt(Uint) });
export type ThrottleDevice = Static<typeof ThrottleDeviceSchema>;

export const WeightDeviceSchema = struct({ Path: opt(Text), Weight: opt(Uint) });
export type WeightDevice = Static<typeof WeightDeviceSchema>;

export const UlimitSchema = struct({ Name: opt(Text), Soft: opt(Int), Hard: opt(Int) });
export type Ulimit = Static<typeof UlimitSchema>;

export const RestartPolicySchema = struct({
  /** `""`, `no`, `always`, `unless-stopped`, `on-failure`. */
  Name: opt(Text),
  MaximumRetryCount: opt(Int),
});
export type RestartPolicy = Static<typeof RestartPolicySchema>;

export const LogConfigSchema = struct({ Type: opt(Text), Config: nil(TextMap) });
export type LogConfig = Static<typeof LogConfigSchema>;

/** One `--mount`. */
export const MountSchema = struct({
  Target: opt(Text),
  Source: opt(Text),
  /** `bind`, `volume`, `tmpfs`, `image`, `cluster`, `npipe`. */
  Type: opt(Text),
  ReadOnly: opt(Bool),
  Consistency: opt(Text),
  BindOptions: nil(
    struct({
      Propagation: opt(Text),
      NonRecursive: opt(Bool),
      CreateMountpoint: opt(Bool),
      ReadOnlyNonRecursive: opt(Bool),
      ReadOnlyForceRecursive: opt(Bool),
    }),
  ),
  VolumeOptions: nil(
    struct({
      NoCopy: opt(Bool),
      Labels: nil(TextMap),
      DriverConfig: nil(struct({ Name: opt(Text), Options: nil(TextMap) })),
      Subpath: opt(Text),
    }),
  ),
  ImageOptions: nil(struct({ Subpath: opt(Text) })),
  TmpfsOptions: nil(struct({ SizeBytes: opt(Int), Mode: opt(Uint), Options: nil(list(Texts)) })),
});
export type Mount = Static<typeof MountSchema>;

export const PortBindingSchema = struct({ HostIp: opt(Text), HostPort: opt(Text) });
export type PortBinding = Static<typeof PortBindingSchema>;

/** `80/tcp` → where on the host; `null` or `[]` where it is exposed but not published. */
export const PortMapSchema = map(orNull(list(PortBindingSchema)));
export type PortMap = Static<typeof PortMapSchema>;

const resourceFields = {
  CpuShares: opt(Int),
  /** Bytes. */
  Memory: opt(Int),
  CgroupParent: opt(Text),
  BlkioWeight: opt(Uint),
  BlkioWeightDevice: nil(list(WeightDeviceSchema)),
  BlkioDeviceReadBps: nil(list(ThrottleDeviceSchema)),
  BlkioDeviceWriteBps: nil(list(ThrottleDeviceSchema)),
  BlkioDeviceReadIOps: nil(list(ThrottleDeviceSchema)),
  BlkioDeviceWriteIOps: nil(list(ThrottleDeviceSchema)),
  /** Microseconds, as all of the CPU's periods and quotas. */
  CpuPeriod: opt(Int),
  CpuQuota: opt(Int),
  CpuRealtimePeriod: opt(Int),
  CpuRealtimeRuntime: opt(Int),
  CpusetCpus: opt(Text),
  CpusetMems: opt(Text),
  Devices: nil(list(DeviceMappingSchema)),
  DeviceCgroupRules: nil(Texts),
  DeviceRequests: nil(list(DeviceRequestSchema)),
  MemoryReservation: opt(Int),
  /** Bytes of memory and swap together; -1: unlimited swap. */
  MemorySwap: opt(Int),
  MemorySwappiness: nil(Int),
  /** CPUs × 10⁹. */
  NanoCpus: opt(Int),
  OomKillDisable: nil(Bool),
  /** `null`: leave as it is; 0 or -1: unlimited. */
  PidsLimit: nil(Int),
  Ulimits: nil(list(UlimitSchema)),
  CpuCount: opt(Int),
  CpuPercent: opt(Int),
  IOMaximumIOps: opt(Uint),
  IOMaximumBandwidth: opt(Uint),
  /** Until v1.41; later ignored with a warning. */
  KernelMemory: opt(Int),
  KernelMemoryTCP: opt(Int),
};

/** What a container may use. */
export const ResourcesSchema = struct(resourceFields);
export type Resources = Static<typeof ResourcesSchema>;

/** The part of a container's configuration that depends on the host. */
export const HostConfigSchema = struct({
  ...resourceFields,
  Binds: nil(Texts),
  ContainerIDFile: opt(Text),
  LogConfig: nil(LogConfigSchema),
  NetworkMode: opt(Text),
  PortBindings: nil(PortMapSchema),
  RestartPolicy: nil(RestartPolicySchema),
  AutoRemove: opt(Bool),
  VolumeDriver: opt(Text),
  VolumesFrom: nil(Texts),
  Mounts: nil(list(MountSchema)),
  /** `[height, width]` */
  ConsoleSize: nil(list(Uint)),
  Annotations: nil(TextMap),
  CapAdd: nil(Words),
  CapDrop: nil(Words),
  CgroupnsMode: opt(Text),
  Dns: nil(Texts),
  DnsOptions: nil(Texts),
  DnsSearch: nil(Texts),
  ExtraHosts: nil(Texts),
  GroupAdd: nil(Texts),
  IpcMode: opt(Text),
  Cgroup: opt(Text),
  Links: nil(Texts),
  OomScoreAdj: opt(Int),
  PidMode: opt(Text),
  Privileged: opt(Bool),
  PublishAllPorts: opt(Bool),
  ReadonlyRootfs: opt(Bool),
  SecurityOpt: nil(Texts),
  StorageOpt: nil(TextMap),
  Tmpfs: nil(TextMap),
  UTSMode: opt(Text),
  UsernsMode: opt(Text),
  /** Bytes. */
  ShmSize: opt(Int),
  Sysctls: nil(TextMap),
  Runtime: nil(Text),
  Isolation: opt(Text),
  MaskedPaths: nil(Texts),
  ReadonlyPaths: nil(Texts),
  Init: nil(Bool),
});
export type HostConfig = Static<typeof HostConfigSchema>;
