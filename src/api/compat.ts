import { invalidParameter } from "../lib/index.ts";
import type {
  ContainerCreateRequest,
  ContainerInspect,
  ContainerSummary,
  EndpointSettings,
} from "../wire/index.ts";

/**
 * What older versions of the API mean where newer ones mean something else. The rules are those of Docker's
 * `postContainersCreate` and of its inspect and list handlers.
 */
export function adaptCreateRequest(
  request: ContainerCreateRequest,
  minor: number,
): { adapted: ContainerCreateRequest; warnings: string[] } {
  const warnings: string[] = [];
  const host = request.HostConfig ?? {};
  // 0 and -1 both mean "no limit".
  if (typeof host.PidsLimit === "number" && host.PidsLimit <= 0) host.PidsLimit = null;
  if (minor < 40) {
    // Until then it was shared with whoever asked, unless somebody said otherwise.
    if (!host.IpcMode) host.IpcMode = "shareable";
    for (const mount of host.Mounts ?? []) if (mount.BindOptions) delete mount.BindOptions.NonRecursive;
    if (host.PidsLimit !== undefined) host.PidsLimit = null;
  }
  if (minor < 41 && !host.CgroupnsMode) host.CgroupnsMode = "host";
  if (minor >= 42) {
    delete host.KernelMemory;
    delete host.KernelMemoryTCP;
  }
  if (minor < 43) delete host.Annotations;
  if (minor < 44) {
    if (request.Healthcheck) delete request.Healthcheck.StartInterval;
    for (const mount of host.Mounts ?? []) {
      if (!mount.BindOptions) continue;
      delete mount.BindOptions.ReadOnlyNonRecursive;
      delete mount.BindOptions.ReadOnlyForceRecursive;
    }
  }
  const adapted = { ...request, HostConfig: host };
  warnings.push(...moveMacAddress(adapted, minor));
  return { adapted, warnings };
}

/** Since v1.44 a MAC address belongs to an endpoint; the container-wide one is that of its first network. */
function moveMacAddress(request: ContainerCreateRequest, minor: number): string[] {
  const address = request.MacAddress;
  if (address == null || address === "") return [];
  const mode = request.HostConfig?.NetworkMode || "default";
  const network = mode === "default" ? "bridge" : mode;
  if (network === "none" || network === "host" || network.startsWith("container:")) {
    // Docker's conflict of options is the containers room's to tell.
    return [];
  }
  const endpoints: Record<string, EndpointSettings> = { ...request.NetworkingConfig?.EndpointsConfig };
  const key = [mode, network].find((name) => Object.hasOwn(endpoints, name)) ?? mode;
  const endpoint = { ...endpoints[key] };
  if (endpoint.MacAddress && endpoint.MacAddress !== address) {
    throw invalidParameter(
      "the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty",
    );
  }
  endpoint.MacAddress = address;
  endpoints[key] = endpoint;
  request.NetworkingConfig = { ...request.NetworkingConfig, EndpointsConfig: endpoints };
  if (minor < 44) return [];
  return [
    "The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.",
  ];
}

export function adaptSummaries(summaries: ContainerSummary[], minor: number): ContainerSummary[] {
  if (minor >= 48) return summaries;
  return summaries.map((summary) => {
    const { ImageManifestDescriptor: _, ...rest } = summary;
    if (minor < 46) rest.HostConfig = { NetworkMode: summary.HostConfig.NetworkMode };
    return rest;
  });
}

export function adaptInspect(inspect: ContainerInspect, minor: number): ContainerInspect {
  if (minor >= 48) return inspect;
  const { ImageManifestDescriptor: _, ...rest } = inspect;
  return rest;
}
