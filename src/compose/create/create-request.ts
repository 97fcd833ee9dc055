import { invalidParameter } from "../../lib/index.ts";
import type { ContainerConfig, EndpointSettings, HostConfig } from "../../wire/index.ts";
import type { NamedService } from "../application.ts";
import { imageName } from "../images/names.ts";
import { apiSocket } from "./api-socket.ts";
import { isBefore } from "./api-version.ts";
import type { CreateContext, CreatedRequest } from "./context.ts";
import { containerEnvironment } from "./environment.ts";
import { serviceFiles } from "./files.ts";
import { filesVolumeMounts } from "./files-volume.ts";
import { healthConfig } from "./health.ts";
import { inheritedVolumes } from "./inherited.ts";
import { containerLabels, nameOnNetworks } from "./labels.ts";
import { resources } from "./limits.ts";
import { containerLinks } from "./links.ts";
import { serviceMounts } from "./mounts.ts";
import { endpointSettings, networkName, networksInOrder } from "./networking.ts";
import { exposedPorts, portBindings } from "./ports.ts";
import { deployWarnings, refuseUnsupported } from "./refused.ts";
import { sharingContainers, volumesFrom } from "./resolve-service.ts";
import { restartPolicy } from "./restart.ts";
import { securityOptions } from "./security.ts";

/**
 * The service's attributes in the words of the Engine API. Nothing is changed; at most the image is looked at.
 *
 * @throws InvalidParameter for attributes that cannot be honoured.
 */
export async function createRequest(context: CreateContext): Promise<CreatedRequest> {
  const { app, containersOf } = context;
  const service = sharingContainers(context.service, containersOf);
  refuseUnsupported(service);
  const warnings = deployWarnings(service);
  const warn = (message: string) => warnings.push(message);

  const links = containerLinks(context);
  const networking = await joinNetworks({ ...context, service }, links, warn);
  const socket = await apiSocket(app, service);
  const own = serviceFiles(app, service, warn);
  const files = [...own.files, ...socket.files];
  const { Binds, Mounts } = serviceMounts(app.project, service, await inheritedVolumes(context), warn);
  const platform = service.platform || app.project.environment.get("DOCKER_DEFAULT_PLATFORM");
  await requireApi(context, service);
  return {
    request: {
      ...(await portableConfig({ ...context, service }, socket.environment)),
      ...networking.config,
      HostConfig: {
        ...hostConfig(service),
        ...(context.oneOff?.autoRemove === true ? { AutoRemove: true } : {}),
        ...(await securityOptions(app, service)),
        ...networking.host,
        Links: orNull(links),
        VolumesFrom: orNull(volumesFrom(service, containersOf)),
        Binds: orNull([...Binds, ...socket.binds]),
        Mounts: [...Mounts, ...own.binds, ...filesVolumeMounts(context, files)],
      },
    },
    ...(platform ? { platform } : {}),
    extraNetworks: networking.later,
    files,
    warnings,
  };
}

/** An engine shows what it was told: nothing, where nothing was. */
const orNull = <T>(items: T[]): T[] | null => (items.length === 0 ? null : items);

async function portableConfig(
  context: CreateContext,
  further: readonly (readonly [string, string])[],
): Promise<ContainerConfig> {
  const { app, service, oneOff } = context;
  const healthcheck = healthConfig(service);
  const attachStdin = oneOff?.attachStdin === true;
  return {
    Image: imageName(app.project.name, service),
    ...(service.command ? { Cmd: service.command } : {}),
    ...(service.entrypoint ? { Entrypoint: service.entrypoint } : {}),
    Env: await containerEnvironment(app, service, further),
    ...(healthcheck === undefined ? {} : { Healthcheck: healthcheck }),
    Labels: containerLabels(context),
    ExposedPorts: exposedPorts(service),
    Hostname: service.hostname ?? "",
    Domainname: service.domainname ?? "",
    User: service.user ?? "",
    WorkingDir: service.working_dir ?? "",
    Tty: service.tty ?? false,
    OpenStdin: service.stdin_open ?? false,
    StdinOnce: attachStdin && service.stdin_open === true,
    AttachStdin: attachStdin,
    AttachStdout: true,
    AttachStderr: true,
    ...(service.network_mode === "disabled" ? { NetworkDisabled: true } : {}),
    ...(service.stop_signal ? { StopSignal: service.stop_signal } : {}),
    ...(service.stop_grace_period === undefined
      ? {}
      : { StopTimeout: Math.trunc(service.stop_grace_period / 1e9) }),
  };
}

function hostConfig(service: NamedService): HostConfig {
  const { logging, init } = service;
  return {
    ...resources(service),
    ...(service.annotations === undefined ? {} : { Annotations: service.annotations }),
    CapAdd: capabilities(service.cap_add),
    CapDrop: capabilities(service.cap_drop),
    CgroupnsMode: service.cgroup ?? "",
    Dns: service.dns ?? null,
    DnsOptions: service.dns_opt ?? null,
    DnsSearch: service.dns_search ?? null,
    ExtraHosts: Object.entries(service.extra_hosts ?? {}).flatMap(([host, addresses]) =>
      addresses.map((address) => `${host}:${address}`),
    ),
    GroupAdd: service.group_add ?? null,
    ...(init === undefined ? {} : { Init: init }),
    IpcMode: service.ipc ?? "",
    Isolation: service.isolation ?? "",
    LogConfig: { Type: logging?.driver ?? "", Config: logging?.options ?? null },
    OomScoreAdj: service.oom_score_adj ?? 0,
    PidMode: service.pid ?? "",
    PortBindings: portBindings(service),
    Privileged: service.privileged ?? false,
    ReadonlyRootfs: service.read_only ?? false,
    RestartPolicy: restartPolicy(service),
    ...(service.runtime ? { Runtime: service.runtime } : {}),
    ShmSize: service.shm_size ?? 0,
    StorageOpt: service.storage_opt ?? null,
    Sysctls: service.sysctls ?? null,
    Tmpfs: Object.fromEntries((service.tmpfs ?? []).map(optionsOfTmpfs)),
    UsernsMode: service.userns_mode ?? "",
    UTSMode: service.uts ?? "",
  };
}

/** `/run:size=64k` */
function optionsOfTmpfs(text: string): [string, string] {
  const at = text.indexOf(":");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** With the prefix that engines show them with. */
const capabilities = (names: readonly string[] | undefined): string[] | null =>
  names?.map((name) => {
    const upper = name.toUpperCase();
    return upper === "ALL" || upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  }) ?? null;

interface Joined {
  readonly host: HostConfig;
  readonly config: {
    NetworkingConfig?: { EndpointsConfig: Record<string, EndpointSettings> };
    MacAddress?: string;
  };
  /** Joined after the container is made, where the engine takes one network only. */
  readonly later: CreatedRequest["extraNetworks"];
}

/** Since this API a container can be made on several networks at once, each with its MAC address. */
const NETWORKS_API = "1.44";

async function joinNetworks(
  context: CreateContext,
  links: readonly string[],
  warn: (message: string) => void,
): Promise<Joined> {
  const { app, service, oneOff } = context;
  if (service.network_mode) return { host: { NetworkMode: service.network_mode }, config: {}, later: [] };
  const asReplica = oneOff === undefined || oneOff.useAliases === true;
  const names = [nameOnNetworks(context), ...(asReplica ? [service.name] : [])];
  const endpoints = networksInOrder(service).map((key) => ({
    network: networkName(app.project, key),
    settings: endpointSettings(service, key, { names, aliases: asReplica, links }, warn),
  }));
  const [first, ...others] = endpoints;
  if (first === undefined) return { host: { NetworkMode: "none" }, config: {}, later: [] };
  const host = { NetworkMode: first.network };
  const needsNewer = others.length > 0 || first.settings.MacAddress !== undefined;
  if (needsNewer && (await isBefore(app, NETWORKS_API))) {
    const { MacAddress, ...settings } = first.settings;
    const mac = MacAddress === undefined ? {} : { MacAddress };
    const config = { ...mac, NetworkingConfig: { EndpointsConfig: { [first.network]: settings } } };
    return { host, config, later: others };
  }
  const all = Object.fromEntries(endpoints.map(({ network, settings }) => [network, settings]));
  return { host, config: { NetworkingConfig: { EndpointsConfig: all } }, later: [] };
}

/** What an older engine would pass over in silence is refused. */
async function requireApi({ app }: CreateContext, service: NamedService): Promise<void> {
  const needs: [boolean, string, string, string][] = [
    [service.healthcheck?.start_interval !== undefined, "healthcheck.start_interval", "1.44", "v25"],
    [
      Object.values(service.networks ?? {}).some((network) => network?.interface_name),
      "networks.*.interface_name",
      "1.49",
      "v28.1",
    ],
    [
      Object.values(service.networks ?? {}).some((network) => network?.gw_priority),
      "networks.*.gw_priority",
      "1.48",
      "v28",
    ],
    [(service.volumes ?? []).some(({ type }) => type === "image"), "volumes with type image", "1.48", "v28"],
    [
      (service.volumes ?? []).some(({ volume }) => volume?.subpath),
      "volumes.*.volume.subpath",
      "1.45",
      "v26",
    ],
  ];
  for (const [asked, what, api, docker] of needs) {
    if (!asked || !(await isBefore(app, api))) continue;
    throw invalidParameter(`services.${service.name}: ${what} requires Docker Engine ${docker} or later`);
  }
}
