import type { SystemInfo } from "../../wire/index.ts";
import { binarySize } from "../text/units.ts";

/** What `info` prints of the engine. */
export function describeInfo(info: SystemInfo, debug: boolean): string {
  return [
    ...countLines(info),
    ...driverLines(info),
    ...pluginLines(info),
    ...runtimeLines(info),
    ...hostLines(info),
    ...debugLines(info, debug),
    ...proxyLines(info),
    ...(info.Labels?.length ? [" Labels:", ...info.Labels.map((label) => `  ${label}`)] : []),
    ` Experimental: ${info.ExperimentalBuild}`,
    ...registryLines(info),
    ` Live Restore Enabled: ${info.LiveRestoreEnabled}`,
    ...given(" Product License", info.ProductLicense),
    ...poolLines(info),
    "",
  ]
    .map((line) => `${line}\n`)
    .join("");
}

/** A line only where there is something to say. */
function given(title: string, value: string | null | undefined): string[] {
  return value === undefined || value === null || value === "" ? [] : [`${title}: ${value}`];
}

function countLines(info: SystemInfo): string[] {
  return [
    ` Containers: ${info.Containers}`,
    `  Running: ${info.ContainersRunning}`,
    `  Paused: ${info.ContainersPaused}`,
    `  Stopped: ${info.ContainersStopped}`,
    ` Images: ${info.Images}`,
  ];
}

function driverLines(info: SystemInfo): string[] {
  return [
    ...given(" Server Version", info.ServerVersion),
    ...given(" Storage Driver", info.Driver),
    ...(info.DriverStatus ?? []).map(([key, value]) => `  ${key}: ${value}`),
    ...given(" Logging Driver", info.LoggingDriver),
    ...given(" Cgroup Driver", info.CgroupDriver),
    ...given(" Cgroup Version", info.CgroupVersion),
  ];
}

function pluginLines({ Plugins, CDISpecDirs, DiscoveredDevices }: SystemInfo): string[] {
  const names = (list: readonly string[] | null | undefined) => (list ?? []).join(" ");
  return [
    " Plugins:",
    `  Volume: ${names(Plugins.Volume)}`,
    `  Network: ${names(Plugins.Network)}`,
    ...(Plugins.Authorization?.length ? [`  Authorization: ${names(Plugins.Authorization)}`] : []),
    `  Log: ${names(Plugins.Log)}`,
    ...(CDISpecDirs?.length ? [" CDI spec directories:", ...CDISpecDirs.map((folder) => `  ${folder}`)] : []),
    ...(DiscoveredDevices?.length
      ? [" Discovered Devices:", ...DiscoveredDevices.map(({ Source, ID }) => `  ${Source}: ${ID}`)]
      : []),
  ];
}

function runtimeLines(info: SystemInfo): string[] {
  const runtimes = Object.keys(info.Runtimes ?? {});
  const isLinux = info.OSType === "linux";
  return [
    ` Swarm: ${info.Swarm?.LocalNodeState ?? "inactive"}`,
    ...(runtimes.length > 0
      ? [` Runtimes: ${runtimes.join(" ")}`, ` Default Runtime: ${info.DefaultRuntime}`]
      : []),
    ...(isLinux
      ? [
          ` Init Binary: ${info.InitBinary}`,
          ` containerd version: ${info.ContainerdCommit?.ID ?? ""}`,
          ` runc version: ${info.RuncCommit?.ID ?? ""}`,
          ` init version: ${info.InitCommit?.ID ?? ""}`,
        ]
      : []),
    ...(isLinux && info.SecurityOptions?.length
      ? [" Security Options:", ...info.SecurityOptions.flatMap(securityLines)]
      : []),
  ];
}

/** `name=seccomp,profile=builtin` */
function securityLines(option: string): string[] {
  const pairs = option.split(",").map((pair) => pair.split("=", 2));
  const name = pairs.find(([key]) => key === "name")?.[1] ?? option;
  const profiles = pairs.filter(([key]) => key === "profile").map(([, value]) => `   Profile: ${value}`);
  return [`  ${name}`, ...profiles];
}

function hostLines(info: SystemInfo): string[] {
  return [
    ...given(" Kernel Version", info.KernelVersion),
    ...given(" Operating System", info.OperatingSystem),
    ...given(" OSType", info.OSType),
    ...given(" Architecture", info.Architecture),
    ` CPUs: ${info.NCPU}`,
    ` Total Memory: ${binarySize(info.MemTotal)}`,
    ...given(" Name", info.Name),
    ...given(" ID", info.ID),
    ` Docker Root Dir: ${info.DockerRootDir}`,
    ` Debug Mode: ${info.Debug}`,
  ];
}

function debugLines(info: SystemInfo, debug: boolean): string[] {
  if (!info.Debug && !debug) return [];
  return [
    `  File Descriptors: ${info.NFd}`,
    `  Goroutines: ${info.NGoroutines}`,
    `  System Time: ${info.SystemTime}`,
    `  EventsListeners: ${info.NEventsListener}`,
  ];
}

function proxyLines(info: SystemInfo): string[] {
  return [
    ...given(" HTTP Proxy", info.HttpProxy),
    ...given(" HTTPS Proxy", info.HttpsProxy),
    ...given(" No Proxy", info.NoProxy),
  ];
}

function registryLines({ RegistryConfig }: SystemInfo): string[] {
  const insecure = Object.values(RegistryConfig?.IndexConfigs ?? {}).filter(({ Secure }) => !Secure);
  const networks = RegistryConfig?.InsecureRegistryCIDRs ?? [];
  const mirrors = RegistryConfig?.Mirrors ?? [];
  const knowsAny = networks.length > 0 || Object.keys(RegistryConfig?.IndexConfigs ?? {}).length > 0;
  return [
    ...(knowsAny
      ? [
          " Insecure Registries:",
          ...insecure.map(({ Name }) => `  ${Name}`),
          ...networks.map((each) => `  ${each}`),
        ]
      : []),
    ...(mirrors.length > 0 ? [" Registry Mirrors:", ...mirrors.map((mirror) => `  ${mirror}`)] : []),
  ];
}

function poolLines({ DefaultAddressPools }: SystemInfo): string[] {
  if (!DefaultAddressPools?.length) return [];
  return [
    " Default Address Pools:",
    ...DefaultAddressPools.map(({ Base, Size }) => `   Base: ${Base}, Size: ${Size}`),
  ];
}
