import { ContainerSummarySchema } from "./container.ts";
import { ImageSummarySchema } from "./image.ts";
import { ImageVersionsUsageSchema } from "./image-versions.ts";
import { Bool, Int, list, map, nil, opt, type Static, struct, Text, TextMap, Texts, Time } from "./schema.ts";
import { VolumeSchema } from "./volume.ts";

export const RuntimeSchema = struct({ path: opt(Text), runtimeArgs: nil(Texts), status: nil(TextMap) });
export type RuntimeInfo = Static<typeof RuntimeSchema>;

export const CommitSchema = struct({ ID: Text });

export const IndexInfoSchema = struct({ Name: Text, Mirrors: nil(Texts), Secure: Bool, Official: Bool });

export const RegistryServiceConfigSchema = struct({
  InsecureRegistryCIDRs: nil(Texts),
  IndexConfigs: nil(map(IndexInfoSchema)),
  Mirrors: nil(Texts),
});
export type RegistryServiceConfig = Static<typeof RegistryServiceConfigSchema>;

export const SwarmInfoSchema = struct({
  NodeID: Text,
  NodeAddr: Text,
  LocalNodeState: Text,
  ControlAvailable: Bool,
  Error: Text,
  RemoteManagers: nil(list(struct({ NodeID: opt(Text), Addr: opt(Text) }))),
  Nodes: nil(Int),
  Managers: nil(Int),
  Cluster: nil(struct({})),
});

export const AddressPoolSchema = struct({ Base: Text, Size: Int });
export type AddressPool = Static<typeof AddressPoolSchema>;

export const FirewallInfoSchema = struct({ Driver: Text, Info: nil(list(Texts)) });

export const SystemInfoSchema = struct({
  ID: Text,
  Containers: Int,
  ContainersRunning: Int,
  ContainersPaused: Int,
  ContainersStopped: Int,
  Images: Int,
  /** The snapshotter's name. */
  Driver: Text,
  DriverStatus: list(Texts),
  DockerRootDir: Text,
  Plugins: struct({
    Volume: nil(Texts),
    Network: nil(Texts),
    Authorization: nil(Texts),
    Log: nil(Texts),
  }),
  MemoryLimit: Bool,
  SwapLimit: Bool,
  CpuCfsPeriod: Bool,
  CpuCfsQuota: Bool,
  CPUShares: Bool,
  CPUSet: Bool,
  PidsLimit: Bool,
  OomKillDisable: Bool,
  IPv4Forwarding: Bool,
  Debug: Bool,
  NFd: Int,
  NGoroutines: Int,
  SystemTime: Time,
  LoggingDriver: Text,
  CgroupDriver: Text,
  CgroupVersion: opt(Text),
  NEventsListener: Int,
  KernelVersion: Text,
  OperatingSystem: Text,
  OSVersion: Text,
  OSType: Text,
  Architecture: Text,
  NCPU: Int,
  MemTotal: Int,
  IndexServerAddress: Text,
  RegistryConfig: nil(RegistryServiceConfigSchema),
  GenericResources: nil(list(struct({}))),
  HttpProxy: Text,
  HttpsProxy: Text,
  NoProxy: Text,
  Name: Text,
  Labels: nil(Texts),
  ExperimentalBuild: Bool,
  ServerVersion: Text,
  Runtimes: map(RuntimeSchema),
  DefaultRuntime: Text,
  Swarm: SwarmInfoSchema,
  LiveRestoreEnabled: Bool,
  Isolation: Text,
  InitBinary: Text,
  ContainerdCommit: CommitSchema,
  RuncCommit: CommitSchema,
  InitCommit: CommitSchema,
  SecurityOptions: Texts,
  ProductLicense: opt(Text),
  DefaultAddressPools: nil(list(AddressPoolSchema)),
  FirewallBackend: nil(FirewallInfoSchema),
  DiscoveredDevices: nil(list(struct({ Source: opt(Text), ID: opt(Text) }))),
  CDISpecDirs: nil(Texts),
  Containerd: nil(
    struct({ Address: opt(Text), Namespaces: struct({ Containers: opt(Text), Plugins: opt(Text) }) }),
  ),
  Warnings: nil(Texts),
});
export type SystemInfo = Static<typeof SystemInfoSchema>;

export const SystemVersionSchema = struct({
  Platform: struct({ Name: Text }),
  Components: list(struct({ Name: Text, Version: Text, Details: nil(TextMap) })),
  Version: Text,
  ApiVersion: Text,
  MinAPIVersion: Text,
  GitCommit: Text,
  GoVersion: Text,
  Os: Text,
  Arch: Text,
  KernelVersion: opt(Text),
  Experimental: opt(Bool),
  BuildTime: opt(Text),
});
export type SystemVersion = Static<typeof SystemVersionSchema>;

export const BuildCacheRecordSchema = struct({
  ID: Text,
  Parents: nil(Texts),
  Type: Text,
  Description: Text,
  InUse: Bool,
  Shared: Bool,
  Size: Int,
  CreatedAt: Time,
  LastUsedAt: nil(Time),
  UsageCount: Int,
});
export type BuildCacheRecord = Static<typeof BuildCacheRecordSchema>;

export const BuildPruneResponseSchema = struct({ CachesDeleted: nil(Texts), SpaceReclaimed: Int });
export type BuildPruneResponse = Static<typeof BuildPruneResponseSchema>;

/** `docker system df`. What was not asked for (`type=`) is missing. */
export const DiskUsageSchema = struct({
  LayersSize: opt(Int),
  Images: nil(list(ImageSummarySchema)),
  /** Not Docker's. */
  ImageVersions: nil(ImageVersionsUsageSchema),
  Containers: nil(list(ContainerSummarySchema)),
  Volumes: nil(list(VolumeSchema)),
  BuildCache: nil(list(BuildCacheRecordSchema)),
});
export type DiskUsage = Static<typeof DiskUsageSchema>;

/** Nothing is known of what there is none of. */
export const PluginSchema = struct({});

export const AuthConfigSchema = struct({
  username: opt(Text),
  password: opt(Text),
  email: opt(Text),
  auth: opt(Text),
  serveraddress: opt(Text),
  identitytoken: opt(Text),
  registrytoken: opt(Text),
});
export type AuthConfig = Static<typeof AuthConfigSchema>;

export const AuthResponseSchema = struct({ Status: Text, IdentityToken: opt(Text) });
export type AuthResponse = Static<typeof AuthResponseSchema>;

/** Every failure's body. */
export const ErrorResponseSchema = struct({ message: Text });
export type ErrorResponse = Static<typeof ErrorResponseSchema>;
