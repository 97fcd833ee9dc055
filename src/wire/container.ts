import { ContainerConfigSchema, containerConfigFields } from "./container-config.ts";
import { HostConfigSchema, ResourcesSchema, RestartPolicySchema } from "./host-config.ts";
import {
  EndpointSettingsSchema,
  NetworkingConfigSchema,
  NetworkSettingsSchema,
  PortSummarySchema,
} from "./network.ts";
import { OciDescriptorSchema } from "./oci.ts";
import {
  Bool,
  Int,
  list,
  map,
  nil,
  oneOf,
  opt,
  type Static,
  struct,
  Text,
  TextMap,
  Texts,
  Time,
  Uint,
} from "./schema.ts";

/** A mount as a container has it. */
export const MountPointSchema = struct({
  Type: opt(Text),
  Name: opt(Text),
  Source: Text,
  Destination: Text,
  Driver: opt(Text),
  /** What the user wrote behind the second colon: `ro,z`. */
  Mode: Text,
  RW: Bool,
  Propagation: Text,
});
export type MountPoint = Static<typeof MountPointSchema>;

export const ContainerCreateRequestSchema = struct({
  ...containerConfigFields,
  HostConfig: nil(HostConfigSchema),
  NetworkingConfig: nil(NetworkingConfigSchema),
});
export type ContainerCreateRequest = Static<typeof ContainerCreateRequestSchema>;

export const ContainerCreateResponseSchema = struct({ Id: Text, Warnings: Texts });
export type ContainerCreateResponse = Static<typeof ContainerCreateResponseSchema>;

export const ContainerUpdateRequestSchema = struct({
  ...ResourcesSchema.properties,
  RestartPolicy: nil(RestartPolicySchema),
});
export type ContainerUpdateRequest = Static<typeof ContainerUpdateRequestSchema>;

export const ContainerUpdateResponseSchema = struct({ Warnings: nil(Texts) });
export type ContainerUpdateResponse = Static<typeof ContainerUpdateResponseSchema>;

export const ContainerStatusSchema = oneOf(
  "created",
  "running",
  "paused",
  "restarting",
  "removing",
  "exited",
  "dead",
);
export type ContainerStatus = Static<typeof ContainerStatusSchema>;

export const HealthStatusSchema = oneOf("none", "starting", "healthy", "unhealthy");
export type HealthStatus = Static<typeof HealthStatusSchema>;

export const HealthcheckResultSchema = struct({ Start: Time, End: Time, ExitCode: Int, Output: Text });
export type HealthcheckResult = Static<typeof HealthcheckResultSchema>;

export const HealthSchema = struct({
  Status: HealthStatusSchema,
  FailingStreak: Int,
  Log: nil(list(HealthcheckResultSchema)),
});
export type Health = Static<typeof HealthSchema>;

export const ContainerStateSchema = struct({
  Status: ContainerStatusSchema,
  Running: Bool,
  Paused: Bool,
  Restarting: Bool,
  OOMKilled: Bool,
  Dead: Bool,
  Pid: Int,
  ExitCode: Int,
  Error: Text,
  StartedAt: Time,
  FinishedAt: Time,
  Health: nil(HealthSchema),
});
export type ContainerState = Static<typeof ContainerStateSchema>;

export const GraphDriverSchema = struct({ Name: Text, Data: nil(TextMap) });
export type GraphDriver = Static<typeof GraphDriverSchema>;

export const ContainerInspectSchema = struct({
  Id: Text,
  Created: Time,
  Path: Text,
  Args: Texts,
  State: ContainerStateSchema,
  Image: Text,
  ResolvConfPath: Text,
  HostnamePath: Text,
  HostsPath: Text,
  LogPath: Text,
  /** With its leading slash. */
  Name: Text,
  RestartCount: Int,
  Driver: Text,
  Platform: Text,
  ImageManifestDescriptor: nil(OciDescriptorSchema),
  MountLabel: Text,
  ProcessLabel: Text,
  AppArmorProfile: Text,
  ExecIDs: nil(Texts),
  HostConfig: HostConfigSchema,
  GraphDriver: nil(GraphDriverSchema),
  SizeRw: nil(Int),
  SizeRootFs: nil(Int),
  Mounts: list(MountPointSchema),
  Config: ContainerConfigSchema,
  NetworkSettings: NetworkSettingsSchema,
});
export type ContainerInspect = Static<typeof ContainerInspectSchema>;

/** One line of `docker ps`. */
export const ContainerSummarySchema = struct({
  Id: Text,
  /** Each with its leading slash. */
  Names: Texts,
  Image: Text,
  ImageID: Text,
  ImageManifestDescriptor: nil(OciDescriptorSchema),
  Command: Text,
  /** Seconds since the epoch. */
  Created: Int,
  Ports: list(PortSummarySchema),
  SizeRw: nil(Int),
  SizeRootFs: nil(Int),
  Labels: TextMap,
  State: ContainerStatusSchema,
  /** `Up 3 minutes (healthy)` */
  Status: Text,
  HostConfig: struct({ NetworkMode: opt(Text), Annotations: nil(TextMap) }),
  NetworkSettings: struct({ Networks: nil(map(EndpointSettingsSchema)) }),
  Mounts: list(MountPointSchema),
  Health: nil(struct({ Status: HealthStatusSchema, FailingStreak: Int })),
});
export type ContainerSummary = Static<typeof ContainerSummarySchema>;

export const ContainerTopSchema = struct({ Titles: Texts, Processes: list(Texts) });
export type ContainerTop = Static<typeof ContainerTopSchema>;

export const ContainerWaitResponseSchema = struct({
  StatusCode: Int,
  Error: nil(struct({ Message: opt(Text) })),
});
export type ContainerWaitResponse = Static<typeof ContainerWaitResponseSchema>;

export const ContainerPruneResponseSchema = struct({ ContainersDeleted: nil(Texts), SpaceReclaimed: Int });
export type ContainerPruneResponse = Static<typeof ContainerPruneResponseSchema>;

/** One line of `docker diff`. Kind 0: modified, 1: added, 2: deleted. */
export const FilesystemChangeSchema = struct({ Path: Text, Kind: Uint });
export type FilesystemChange = Static<typeof FilesystemChangeSchema>;

/** The header `X-Docker-Container-Path-Stat` holds this as base64. */
export const PathStatSchema = struct({
  name: Text,
  size: Int,
  /** Go's `os.FileMode`: the permission bits, and Go's own type bits above them (directory: 1 << 31). */
  mode: Uint,
  mtime: Time,
  linkTarget: Text,
});
export type PathStat = Static<typeof PathStatSchema>;
