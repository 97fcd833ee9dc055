type Reasons = Readonly<Record<string, string>>;

function each(names: readonly string[], reason: string): Reasons {
  return Object.fromEntries(names.map((name) => [name, reason]));
}

const of = (type: string, ...fields: readonly string[]) => fields.map((field) => `${type}.${field}`);

const SWARM = "of a swarm, which no berth engine is part of";
const NEWER = "newer than the versions of the API that berth serves";
const NO_CONTAINERD = "of containerd, which berth does without";
const ONE_PLATFORM = "an image that is here is of one platform: there is no list of manifests to tell of";
const WINDOWS = "of Windows";
const WINDOWS_REFUSED = "of Windows: a warning or a refusal, in Docker's words";

/**
 * What Docker's API has and berth does not serve, and why: also what its schemas know and it never fills, or
 * refuses. A name that Docker's API does not have, or that an answer has all the same, fails the tests.
 */
export const UNSERVED = {
  operations: {},
  parameters: {
    "GET /images/json ?digests": "without effect in Docker, too: digests are always told",
    "GET /images/json ?identity": NEWER,
    "GET /images/json ?manifests": ONE_PLATFORM,
    "GET /images/{name}/json ?manifests": ONE_PLATFORM,
    "GET /system/df ?verbose": NEWER,
  },
  requests: {
    "Mount.Consistency": "of Docker on a Mac: kept, and without effect, as on any Linux",
    "HostConfig.StorageOpt": "refused in Docker's words: berth has no quota for a container's own files",
    ...each(
      of("HostConfig", "CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth"),
      WINDOWS_REFUSED,
    ),
    ...each(
      of("POST /containers/{id}/update", "CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth"),
      WINDOWS_REFUSED,
    ),
    "POST /containers/{id}/update.Init": "passed over by Docker, too: a container's init stays what it is",
    "VolumeCreateRequest.ClusterVolumeSpec": `${SWARM}: 503, in Docker's words`,
  },
  answers: {
    ...each(of("ContainerMemoryStats", "commitbytes", "commitpeakbytes", "privateworkingset"), WINDOWS),
    ...each(
      of(
        "ContainerStorageStats",
        "read_count_normalized",
        "read_size_bytes",
        "write_count_normalized",
        "write_size_bytes",
      ),
      WINDOWS,
    ),
    ...each(of("ContainerNetworkStats", "endpoint_id", "instance_id"), WINDOWS),
    ...each(
      [
        ...of("ContainerInspectResponse", "Storage"),
        ...of("ImageInspect", "Identity"),
        ...of("ImageManifestSummary.ImageData", "Identity"),
        ...of("SystemInfo", "NRI"),
        ...of("NetworkInspect", "Status"),
      ],
      NEWER,
    ),
    ...each(
      of("GET /system/df", "ImageUsage", "ContainerUsage", "VolumeUsage", "BuildCacheUsage"),
      `${NEWER}, which tell the same in \`LayersSize\`, \`Images\`, \`Containers\`, \`Volumes\` and \`BuildCache\``,
    ),
    ...each(
      [
        ...of("SystemInfo", "GenericResources"),
        ...of("GenericResources", "NamedResourceSpec", "DiscreteResourceSpec"),
        ...of("SwarmInfo", "RemoteManagers", "Nodes", "Managers", "Cluster"),
        ...of("PeerNode", "NodeID", "Addr"),
        ...of("Volume", "ClusterVolume"),
        ...of("Network", "Peers"),
        ...of("NetworkInspect", "Peers", "Services"),
      ],
      SWARM,
    ),
    ...each(
      [
        ...of("SystemInfo", "Containerd"),
        ...of("ContainerdInfo", "Address", "Namespaces", "Namespaces.Containers", "Namespaces.Plugins"),
      ],
      NO_CONTAINERD,
    ),
    ...each(
      [
        ...of("ContainerSummary", "ImageManifestDescriptor"),
        ...of("ContainerInspectResponse", "ImageManifestDescriptor"),
        ...of("ImageSummary", "Manifests", "Descriptor"),
        ...of("ImageInspect", "Manifests", "Descriptor"),
        ...of("ImageManifestSummary", "ID", "Descriptor", "Available", "Size", "Size.Total", "Size.Content"),
        ...of("ImageManifestSummary", "Kind", "ImageData", "ImageData.Platform", "ImageData.Containers"),
        ...of("ImageManifestSummary", "ImageData.Size", "ImageData.Size.Unpacked"),
        ...of("ImageManifestSummary", "AttestationData", "AttestationData.For"),
      ],
      `${ONE_PLATFORM}, as in Docker without containerd`,
    ),
    ...each(
      [...of("SystemInfo", "DiscoveredDevices"), ...of("DeviceInfo", "Source", "ID")],
      "devices of CDI are looked for when a container asks for one",
    ),
    ...each(of("Runtime", "runtimeArgs", "status"), "not told yet"),
    "SystemInfo.ProductLicense": "there is nothing to license",
    "PluginsInfo.Authorization": "there are no plugins of authorization",
    "FirewallInfo.Info": "there is no firewalld to tell of",
  },
} satisfies Record<"operations" | "parameters" | "requests" | "answers", Reasons>;
