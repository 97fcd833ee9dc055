import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as wire from "./index.ts";
import type { TSchema } from "./schema.ts";

/**
 * The names of our fields against those of Docker's own description of the API, where a copy of it lies beside
 * the checkout. That copy is newer than the version we serve: what only it has, and what only older versions had, is
 * listed, so that a field nobody thought of fails the test.
 */
const path = join(import.meta.dir, "../../../shared/reference/engine-api.yaml");

interface Definition {
  properties?: Record<string, Definition>;
  allOf?: Definition[];
  items?: Definition;
  $ref?: string;
}

interface Reference {
  definitions: Record<string, Definition>;
  paths: Record<
    string,
    Record<
      string,
      {
        parameters?: { in: string; schema?: Definition }[];
        responses: Record<string, { schema?: Definition }>;
      }
    >
  >;
}

/** Our name → theirs, then fields that only they have, and fields that only we have. */
const PAIRS: [schema: TSchema, theirs: string, onlyTheirs: string[], onlyOurs: string[]][] = [
  [wire.HealthConfigSchema, "HealthConfig", [], ["OnFailure"]],
  [wire.ContainerConfigSchema, "ContainerConfig", [], ["MacAddress"]],
  [wire.ImageConfigSchema, "ImageConfig", [], []],
  [wire.ResourcesSchema, "Resources", ["Init"], ["KernelMemory", "KernelMemoryTCP"]],
  [wire.HostConfigSchema, "HostConfig", [], ["KernelMemory", "KernelMemoryTCP"]],
  [wire.MountSchema, "Mount", [], []],
  [wire.MountPointSchema, "MountPoint", [], []],
  [wire.DeviceMappingSchema, "DeviceMapping", [], []],
  [wire.DeviceRequestSchema, "DeviceRequest", [], []],
  [wire.ThrottleDeviceSchema, "ThrottleDevice", [], []],
  [wire.RestartPolicySchema, "RestartPolicy", [], []],
  [wire.PortBindingSchema, "PortBinding", [], []],
  [wire.NetworkingConfigSchema, "NetworkingConfig", [], []],
  [wire.EndpointSettingsSchema, "EndpointSettings", [], []],
  [
    wire.NetworkSettingsSchema,
    "NetworkSettings",
    [],
    [
      "Bridge",
      "HairpinMode",
      "LinkLocalIPv6Address",
      "LinkLocalIPv6PrefixLen",
      "SecondaryIPAddresses",
      "SecondaryIPv6Addresses",
      "EndpointID",
      "Gateway",
      "GlobalIPv6Address",
      "GlobalIPv6PrefixLen",
      "IPAddress",
      "IPPrefixLen",
      "IPv6Gateway",
      "MacAddress",
    ],
  ],
  [wire.NetworkSchema, "Network", ["Peers"], ["Containers"]],
  [wire.IPAMSchema, "IPAM", [], []],
  [wire.IPAMConfigSchema, "IPAMConfig", [], []],
  [wire.EndpointResourceSchema, "EndpointResource", [], []],
  [wire.NetworkConnectRequestSchema, "NetworkConnectRequest", [], []],
  [wire.NetworkDisconnectRequestSchema, "NetworkDisconnectRequest", [], []],
  [wire.NetworkCreateResponseSchema, "NetworkCreateResponse", [], []],
  [wire.PortSummarySchema, "PortSummary", [], []],
  [wire.ContainerStateSchema, "ContainerState", [], []],
  [wire.HealthSchema, "Health", [], []],
  [wire.HealthcheckResultSchema, "HealthcheckResult", [], []],
  [wire.ContainerInspectSchema, "ContainerInspectResponse", ["Storage"], []],
  [wire.ContainerSummarySchema, "ContainerSummary", [], []],
  [wire.ContainerCreateResponseSchema, "ContainerCreateResponse", [], []],
  [wire.ContainerUpdateResponseSchema, "ContainerUpdateResponse", [], []],
  [wire.ContainerTopSchema, "ContainerTopResponse", [], []],
  [wire.ContainerWaitResponseSchema, "ContainerWaitResponse", [], []],
  [wire.FilesystemChangeSchema, "FilesystemChange", [], []],
  [wire.ContainerStatsSchema, "ContainerStatsResponse", [], []],
  [wire.CpuStatsSchema, "ContainerCPUStats", [], []],
  [wire.CpuUsageSchema, "ContainerCPUUsage", [], []],
  [wire.MemoryStatsSchema, "ContainerMemoryStats", [], []],
  [wire.NetworkStatsSchema, "ContainerNetworkStats", [], []],
  [wire.BlkioStatsSchema, "ContainerBlkioStats", [], []],
  [wire.BlkioStatEntrySchema, "ContainerBlkioStatEntry", [], []],
  [wire.ProcessConfigSchema, "ProcessConfig", [], []],
  [wire.ImageInspectSchema, "ImageInspect", ["Identity"], ["Parent", "DockerVersion", "VirtualSize"]],
  [wire.ImageSummarySchema, "ImageSummary", [], ["VirtualSize"]],
  [wire.ImageHistoryItemSchema, "ImageHistoryResponseItem", [], []],
  [wire.ImageDeleteItemSchema, "ImageDeleteResponseItem", [], []],
  [wire.ImageManifestSummarySchema, "ImageManifestSummary", [], []],
  [wire.AttestationStatementSchema, "AttestationStatement", [], []],
  [wire.OciDescriptorSchema, "OCIDescriptor", [], []],
  [wire.OciPlatformSchema, "OCIPlatform", [], []],
  [wire.EventMessageSchema, "EventMessage", [], ["status", "id", "from"]],
  [wire.EventActorSchema, "EventActor", [], []],
  [wire.VolumeSchema, "Volume", ["ClusterVolume"], []],
  [wire.VolumeCreateRequestSchema, "VolumeCreateRequest", [], []],
  [wire.VolumeListResponseSchema, "VolumeListResponse", [], []],
  [wire.SystemInfoSchema, "SystemInfo", ["NRI"], []],
  [wire.SystemVersionSchema, "SystemVersion", [], []],
  [wire.SwarmInfoSchema, "SwarmInfo", [], []],
  [wire.RuntimeSchema, "Runtime", [], []],
  [wire.BuildCacheRecordSchema, "BuildCache", [], []],
  [wire.AuthConfigSchema, "AuthConfig", [], ["email", "auth", "identitytoken", "registrytoken"]],
  [wire.AuthResponseSchema, "AuthResponse", [], []],
  [wire.DistributionInspectSchema, "DistributionInspect", [], []],
  [wire.ErrorResponseSchema, "ErrorResponse", [], []],
  [wire.IdResponseSchema, "IDResponse", [], []],
];

describe.skipIf(!existsSync(path))("fields are those of the Engine API", () => {
  const reference = Bun.YAML.parse(existsSync(path) ? readFileSync(path, "utf8") : "{}") as Reference;

  const fieldsOf = (definition: Definition): string[] => {
    if (definition.$ref !== undefined)
      return fieldsOf(reference.definitions[definition.$ref.split("/").at(-1)!]!);
    return [...(definition.allOf ?? []).flatMap(fieldsOf), ...Object.keys(definition.properties ?? {})];
  };
  const ourFields = (schema: TSchema) => Object.keys((schema as unknown as Definition).properties!);

  function compare(schema: TSchema, theirs: string[], onlyTheirs: string[], onlyOurs: string[]) {
    const ours = ourFields(schema);
    expect(theirs.filter((name) => !ours.includes(name)).sort()).toEqual([...onlyTheirs].sort());
    expect(ours.filter((name) => !theirs.includes(name)).sort()).toEqual([...onlyOurs].sort());
  }

  for (const [schema, name, onlyTheirs, onlyOurs] of PAIRS) {
    test(name, () => compare(schema, fieldsOf(reference.definitions[name]!), onlyTheirs, onlyOurs));
  }

  const body = (method: string, url: string) =>
    fieldsOf(
      reference.paths[url]![method]!.parameters!.find((parameter) => parameter.in === "body")!.schema!,
    );
  const answer = (method: string, url: string, status: string) =>
    fieldsOf(reference.paths[url]![method]!.responses[status]!.schema!);

  test("bodies that the operations describe themselves", () => {
    compare(wire.ContainerCreateRequestSchema, body("post", "/containers/create"), [], ["MacAddress"]);
    compare(
      wire.ContainerUpdateRequestSchema,
      body("post", "/containers/{id}/update"),
      ["Init"],
      ["KernelMemory", "KernelMemoryTCP"],
    );
    compare(wire.ExecConfigSchema, body("post", "/containers/{id}/exec"), [], []);
    compare(wire.ExecStartRequestSchema, body("post", "/exec/{id}/start"), [], []);
    compare(wire.ExecInspectSchema, answer("get", "/exec/{id}/json", "200"), [], []);
    compare(wire.NetworkCreateRequestSchema, body("post", "/networks/create"), [], ["CheckDuplicate"]);
    compare(wire.ContainerPruneResponseSchema, answer("post", "/containers/prune", "200"), [], []);
    compare(wire.ImagePruneResponseSchema, answer("post", "/images/prune", "200"), [], []);
    compare(wire.VolumePruneResponseSchema, answer("post", "/volumes/prune", "200"), [], []);
    compare(wire.NetworkPruneResponseSchema, answer("post", "/networks/prune", "200"), [], []);
  });

  test("every exported schema is compared, or is known to have nothing to be compared with", () => {
    const compared = new Set(PAIRS.map(([schema]) => schema));
    const known = [
      // Compared above, by operation.
      ...[
        "ContainerCreateRequest",
        "ContainerUpdateRequest",
        "ExecConfig",
        "ExecStartRequest",
        "ExecInspect",
      ],
      ...["NetworkCreateRequest", "ContainerPruneResponse", "ImagePruneResponse", "VolumePruneResponse"],
      "NetworkPruneResponse",
      // Parts that the reference writes inline, or leaves to prose.
      ...[
        "Address",
        "AddressPool",
        "Commit",
        "CommitRequest",
        "ConfigReference",
        "ImageSearchItem",
        "ContainerStatus",
        "DiskUsage",
      ],
      ...["EndpointIPAMConfig", "FirewallInfo", "GraphDriver", "HealthStatus", "IndexInfo", "JsonMessage"],
      ...["LogConfig", "PathStat", "PortMap", "RegistryServiceConfig", "Ulimit", "WeightDevice"],
    ];
    const forgotten = Object.entries(wire)
      .filter(([name, schema]) => name.endsWith("Schema") && !compared.has(schema as TSchema))
      .map(([name]) => name.replace(/Schema$/, ""))
      .filter((name) => !known.includes(name));
    expect(forgotten).toEqual([]);
  });
});
