import { invalidParameter } from "../lib/index.ts";
import type {
  ContainerCreateRequest,
  ContainerInspect,
  ContainerSummary,
  DiskUsage,
  EndpointSettings,
  ImageInspect,
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

/** Fields of an image's configuration that are there without saying anything: Docker's types had no `omitempty` for them. */
const IMAGE_CONFIG = {
  User: "",
  Env: null,
  Cmd: null,
  Volumes: null,
  WorkingDir: "",
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
};

/** Until v1.49 an image's configuration was that of a container. */
const IMAGE_CONFIG_UNTIL_49 = {
  Hostname: "",
  Domainname: "",
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Image: "",
  ...IMAGE_CONFIG,
};

/**
 * @param userAgent docker-compose 1 asks for the newest version, takes the name of a field for granted that went with v1.45, and
 *   fails to recreate containers without
 */
export function adaptImageInspect(inspect: ImageInspect, minor: number, userAgent = ""): object {
  const legacy = minor < 50 ? IMAGE_CONFIG_UNTIL_49 : IMAGE_CONFIG;
  const said = Object.entries(inspect.Config ?? {}).filter(([, value]) => value !== undefined);
  const Config = { ...legacy, ...Object.fromEntries(said) };
  return {
    ...inspect,
    Config,
    ...(minor < 45 || userAgent.startsWith("docker-compose/1.")
      ? { Container: "", ContainerConfig: Config }
      : {}),
    ...(minor < 44 ? { VirtualSize: inspect.Size } : {}),
  };
}

export function adaptDiskUsage(usage: DiskUsage, minor: number): object {
  return {
    ...usage,
    ...(minor < 44 && usage.Images != null
      ? { Images: usage.Images.map((image) => ({ ...image, VirtualSize: image.Size })) }
      : {}),
    ...(minor < 42 ? { BuilderSize: builderSize(usage) } : {}),
  };
}

function builderSize({ BuildCache }: DiskUsage): number {
  return (BuildCache ?? []).reduce((sum, { Shared, Size }) => sum + (Shared ? 0 : Size), 0);
}
