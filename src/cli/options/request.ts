import type { ClientConfig } from "../../sdk/index.ts";
import type { ContainerCreateRequest, HostConfig } from "../../wire/index.ts";
import type { Values } from "../flags.ts";
import { normalCapabilities } from "./checks.ts";
import { parseDevices } from "./devices.ts";
import { pairsToRecord, readPairs, withProxies } from "./environment.ts";
import type { CONTAINER_FLAGS } from "./flags.ts";
import { healthOf } from "./health.ts";
import { endpointsOf, isMacAddress } from "./networks.ts";
import { parsePorts } from "./ports.ts";
import { parseRestartPolicy } from "./resources.ts";
import { parseSecurityOptions } from "./security.ts";
import { parseVolumes } from "./volumes.ts";

export type ContainerFlags = Values<typeof CONTAINER_FLAGS>;

/** What a request is made of, beside its flags. */
export interface RequestInput {
  readonly flags: ContainerFlags;
  readonly changed: (flag: keyof ContainerFlags) => boolean;
  readonly image: string;
  readonly command: readonly string[];
  readonly config: ClientConfig;
  /** Engines before API 1.44 look for the MAC address there, later ones complain of it. */
  readonly macInConfig: boolean;
  /** The engine's address, for which the configuration may name proxies. */
  readonly address: string;
}

/** The API's request for a container that the flags describe. @throws with Docker's words. */
export function containerRequest(input: RequestInput): ContainerCreateRequest {
  const { flags, changed } = input;
  checkWindowsFlags(changed);
  checkModes(flags);
  const networks = [...flags.net, ...flags.network];
  const mac = flags["mac-address"];
  if (mac !== "" && !isMacAddress(mac)) throw new Error(`${mac} is not a valid mac address`);
  const host = hostConfig(input, networks[0]?.target ?? "default");
  if (flags.rm && flags.restart !== "no" && flags.restart !== "") {
    throw new Error("conflicting options: cannot specify both --restart and --rm");
  }
  const endpoints = endpointsOf(networks, {
    aliases: [...flags["net-alias"], ...flags["network-alias"]],
    links: flags.link,
    ipv4: flags.ip,
    ipv6: flags.ip6,
    linkLocal: flags["link-local-ip"],
    mac,
  });
  return {
    ...portableConfig(input),
    ...(mac !== "" && input.macInConfig && { MacAddress: mac }),
    HostConfig: host,
    NetworkingConfig: { EndpointsConfig: endpoints },
  };
}

function portableConfig(input: RequestInput): ContainerCreateRequest {
  const { flags, changed, image, command, config, address } = input;
  const attachAll = flags.attach.length === 0;
  const attachStdin = flags.interactive || flags.attach.includes("stdin");
  const env = withProxies(readPairs([], flags.env), config, address);
  const health = healthOf(flags);
  return compact({
    Hostname: flags.hostname,
    Domainname: flags.domainname,
    ExposedPorts: parsePorts(flags.publish, flags.expose).exposed,
    User: flags.user,
    Tty: flags.tty,
    OpenStdin: flags.interactive,
    AttachStdin: attachStdin,
    AttachStdout: attachAll || flags.attach.includes("stdout"),
    AttachStderr: attachAll || flags.attach.includes("stderr"),
    // When the client that sends the input leaves, the input ends.
    StdinOnce: flags.interactive && attachStdin,
    Env: readPairs(flags["env-file"], env, process.env),
    Cmd: [...command],
    Image: image,
    Volumes: parseVolumes(flags.volume).anonymous,
    // `--entrypoint=` takes the image's away.
    Entrypoint: flags.entrypoint !== "" ? [flags.entrypoint] : changed("entrypoint") ? [""] : undefined,
    WorkingDir: flags.workdir,
    Labels: pairsToRecord(readPairs(flags["label-file"], flags.label)),
    StopSignal: flags["stop-signal"],
    Healthcheck: health,
    StopTimeout: changed("stop-timeout") ? flags["stop-timeout"] : undefined,
  });
}

function hostConfig(input: RequestInput, networkMode: string): HostConfig {
  const { flags, changed } = input;
  const { options: securityOptions, paths } = parseSecurityOptions(flags["security-opt"]);
  const log = { Type: flags["log-driver"], Config: logOptions(flags) };
  return compact({
    Binds: [...parseVolumes(flags.volume).binds],
    ContainerIDFile: flags.cidfile,
    AutoRemove: flags.rm,
    Privileged: flags.privileged,
    PortBindings: parsePorts(flags.publish, flags.expose).bindings,
    Links: [...flags.link],
    PublishAllPorts: flags["publish-all"],
    Dns: [...flags.dns],
    DnsSearch: [...flags["dns-search"]],
    DnsOptions: [...flags["dns-option"], ...flags["dns-opt"]],
    ExtraHosts: [...flags["add-host"]],
    VolumesFrom: [...flags["volumes-from"]],
    IpcMode: flags.ipc,
    NetworkMode: networkMode,
    PidMode: flags.pid,
    UTSMode: flags.uts,
    UsernsMode: flags.userns,
    CgroupnsMode: flags.cgroupns,
    CapAdd: normalCapabilities(flags["cap-add"]),
    CapDrop: normalCapabilities(flags["cap-drop"]),
    GroupAdd: [...flags["group-add"]],
    RestartPolicy: parseRestartPolicy(flags.restart),
    SecurityOpt: [...securityOptions],
    StorageOpt: storageOptions(flags["storage-opt"]),
    ReadonlyRootfs: flags["read-only"],
    LogConfig: compact(log),
    VolumeDriver: flags["volume-driver"],
    Isolation: flags.isolation,
    ShmSize: flags["shm-size"],
    Tmpfs: Object.fromEntries(flags.tmpfs.map(splitTmpfs)),
    Sysctls: { ...flags.sysctl },
    Runtime: flags.runtime,
    Mounts: [...flags.mount],
    MaskedPaths: paths && [...paths],
    ReadonlyPaths: paths && [...paths],
    Annotations: { ...flags.annotation },
    Init: changed("init") ? flags.init : undefined,
    ...resources(input),
  });
}

function resources({ flags, changed }: RequestInput): HostConfig {
  const swappiness = flags["memory-swappiness"];
  if (swappiness < -1 || swappiness > 100) {
    throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  const { mappings, cdi } = parseDevices(flags.device);
  const cdiRequest = cdi.length === 0 ? [] : [{ Driver: "cdi", DeviceIDs: [...cdi] }];
  return {
    CgroupParent: flags["cgroup-parent"],
    Memory: flags.memory,
    MemoryReservation: flags["memory-reservation"],
    MemorySwap: flags["memory-swap"],
    MemorySwappiness: changed("memory-swappiness") ? swappiness : undefined,
    KernelMemory: flags["kernel-memory"],
    OomKillDisable: flags["oom-kill-disable"] || undefined,
    OomScoreAdj: flags["oom-score-adj"],
    NanoCpus: flags.cpus,
    CpuShares: flags["cpu-shares"],
    CpuPeriod: flags["cpu-period"],
    CpuQuota: flags["cpu-quota"],
    CpuRealtimePeriod: flags["cpu-rt-period"],
    CpuRealtimeRuntime: flags["cpu-rt-runtime"],
    CpusetCpus: flags["cpuset-cpus"],
    CpusetMems: flags["cpuset-mems"],
    PidsLimit: flags["pids-limit"] || undefined,
    BlkioWeight: flags["blkio-weight"],
    BlkioWeightDevice: [...flags["blkio-weight-device"]],
    BlkioDeviceReadBps: [...flags["device-read-bps"]],
    BlkioDeviceWriteBps: [...flags["device-write-bps"]],
    BlkioDeviceReadIOps: [...flags["device-read-iops"]],
    BlkioDeviceWriteIOps: [...flags["device-write-iops"]],
    Ulimits: uniqueUlimits(flags.ulimit),
    DeviceCgroupRules: [...flags["device-cgroup-rule"]],
    Devices: [...mappings],
    DeviceRequests: [...flags.gpus, ...cdiRequest],
  };
}

/** The last limit of a name counts; Docker sends them sorted. */
function uniqueUlimits(ulimits: ContainerFlags["ulimit"]): ContainerFlags["ulimit"][number][] {
  const byName = new Map(ulimits.map((ulimit) => [ulimit.Name ?? "", ulimit]));
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, ulimit]) => ulimit);
}

function splitTmpfs(text: string): [string, string] {
  const colon = text.indexOf(":");
  return colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
}

function logOptions(flags: ContainerFlags): Record<string, string> {
  if (flags["log-driver"] === "none" && flags["log-opt"].length > 0) {
    throw new Error("invalid logging opts for driver none");
  }
  return pairsToRecord(flags["log-opt"]);
}

function storageOptions(options: readonly string[]): Record<string, string> {
  if (options.some((option) => !option.includes("="))) throw new Error("invalid storage option");
  return pairsToRecord(options);
}

function checkModes(flags: ContainerFlags): void {
  const isContainer = (mode: string) => /^container:.+/.test(mode);
  if (!["", "host"].includes(flags.pid) && !isContainer(flags.pid))
    throw new Error("--pid: invalid PID mode");
  if (!["", "host"].includes(flags.uts)) throw new Error("--uts: invalid UTS mode");
  if (!["", "host"].includes(flags.userns)) throw new Error("--userns: invalid USER mode");
  if (!["", "host", "private"].includes(flags.cgroupns)) throw new Error("--cgroupns: invalid CGROUP mode");
}

/** Engines that run Linux containers have no use for these. */
function checkWindowsFlags(changed: (flag: keyof ContainerFlags) => boolean): void {
  for (const name of ["cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops"] as const) {
    if (changed(name))
      throw new Error(`"--${name}" is only supported on an engine that runs Windows containers`);
  }
}

/** Fields that the API's zero values stand for are left out. */
const MEANINGFUL_WHEN_EMPTY: ReadonlySet<string> = new Set([
  "Init",
  "StopTimeout",
  "MemorySwappiness",
  "MaskedPaths",
  "ReadonlyPaths",
  "Test",
]);

function compact<T extends object>(fields: T): T {
  const kept = Object.entries(fields).filter(([name, value]) => {
    if (value === undefined || value === null) return false;
    return MEANINGFUL_WHEN_EMPTY.has(name) || !isZero(value);
  });
  return Object.fromEntries(kept) as T;
}

function isZero(value: unknown): boolean {
  if (value === "" || value === 0 || value === false) return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
