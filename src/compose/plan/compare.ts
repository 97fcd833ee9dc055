import type { ContainerConfig, ContainerInspect, HostConfig } from "../../wire/index.ts";
import { change } from "./attributes.ts";
import type { AttributeChange } from "./types.ts";

/** A container as it would be asked for. */
export interface Wanted {
  readonly config: ContainerConfig;
  readonly host: HostConfig;
  /** Where files are put that another tool would have mounted. */
  readonly copied?: ReadonlySet<string>;
}

/** Attributes of the Compose file by the engine's fields. What is not here is not compared. */
const CONFIG_FIELDS: Readonly<Record<string, string>> = {
  Image: "image",
  Cmd: "command",
  Entrypoint: "entrypoint",
  User: "user",
  WorkingDir: "working_dir",
  Domainname: "domainname",
  Tty: "tty",
  OpenStdin: "stdin_open",
  StopSignal: "stop_signal",
  Healthcheck: "healthcheck",
};
const HOST_FIELDS: Readonly<Record<string, string>> = {
  Annotations: "annotations",
  CapAdd: "cap_add",
  CapDrop: "cap_drop",
  CgroupParent: "cgroup_parent",
  CgroupnsMode: "cgroup",
  CpuPeriod: "cpu_period",
  CpuQuota: "cpu_quota",
  CpuShares: "cpu_shares",
  CpusetCpus: "cpuset",
  DeviceCgroupRules: "device_cgroup_rules",
  DeviceRequests: "gpus",
  Devices: "devices",
  Dns: "dns",
  DnsOptions: "dns_opt",
  DnsSearch: "dns_search",
  ExtraHosts: "extra_hosts",
  GroupAdd: "group_add",
  Init: "init",
  IpcMode: "ipc",
  LogConfig: "logging",
  Memory: "mem_limit",
  MemoryReservation: "mem_reservation",
  MemorySwap: "memswap_limit",
  MemorySwappiness: "mem_swappiness",
  NanoCpus: "cpus",
  NetworkMode: "networks",
  OomKillDisable: "oom_kill_disable",
  OomScoreAdj: "oom_score_adj",
  PidMode: "pid",
  PidsLimit: "pids_limit",
  Privileged: "privileged",
  ReadonlyRootfs: "read_only",
  RestartPolicy: "restart",
  Runtime: "runtime",
  SecurityOpt: "security_opt",
  ShmSize: "shm_size",
  StorageOpt: "storage_opt",
  Sysctls: "sysctls",
  Tmpfs: "tmpfs",
  UTSMode: "uts",
  Ulimits: "ulimits",
  UsernsMode: "userns_mode",
  VolumesFrom: "volumes_from",
};
/** Lists whose order means nothing. */
const SETS: ReadonlySet<string> = new Set(["CapAdd", "CapDrop", "ExtraHosts", "GroupAdd", "SecurityOpt"]);

/** The name of a volume that nobody named. */
const ANONYMOUS = /^[0-9a-f]{64}$/;

/** What engines write where nothing was asked for. */
const ENGINE_DEFAULTS: Readonly<Record<string, (value: unknown) => boolean>> = {
  CgroupnsMode: () => true,
  IpcMode: (value) => value === "private" || value === "shareable",
  LogConfig: () => true,
  MemorySwap: () => true,
  MemorySwappiness: () => true,
  Runtime: () => true,
  ShmSize: (value) => value === 64 * 1024 * 1024,
  RestartPolicy: (value) => (value as { Name?: string }).Name === "no",
  SecurityOpt: () => true,
};

/**
 * What a container that is there differs in from one as it would be made now, as far as the engine's words tell; for those
 * that do not carry the attributes they were made with.
 *
 * @param image the configuration of its image: what nobody says is taken from there.
 */
export function compareContainer(
  { Config, HostConfig: oldHost, Mounts }: ContainerInspect,
  { config, host, copied = new Set() }: Wanted,
  image: ContainerConfig | undefined,
): AttributeChange[] {
  const old = Config as Readonly<Record<string, unknown>>;
  const now = config as Readonly<Record<string, unknown>>;
  const base = (image ?? {}) as Readonly<Record<string, unknown>>;
  const changes: AttributeChange[] = [];
  for (const [field, attribute] of Object.entries(CONFIG_FIELDS)) {
    // With an entrypoint of its own a container does not take the image's arguments.
    const inherits = field !== "Cmd" || !said(now["Entrypoint"]);
    const wanted = said(now[field]) ?? (inherits ? said(base[field]) : undefined);
    if (wanted === undefined && image === undefined) continue;
    note(changes, attribute, said(old[field]), wanted);
  }
  if (config.Hostname) note(changes, "hostname", old["Hostname"], config.Hostname);
  note(changes, "stop_grace_period", seconds(old["StopTimeout"]), seconds(config.StopTimeout));
  compareEntries(changes, "environment", variables(Config.Env), {
    ...variables(image?.Env),
    ...variables(config.Env),
  });
  compareEntries(changes, "labels", ownLabels(Config.Labels), {
    ...ownLabels(image?.Labels),
    ...ownLabels(config.Labels),
  });
  compareHost(
    changes,
    (oldHost ?? {}) as Readonly<Record<string, unknown>>,
    host as Readonly<Record<string, unknown>>,
  );
  comparePorts(changes, oldHost?.PortBindings, host.PortBindings);
  compareMounts(changes, oldHost, host, { mounted: Mounts, copied });
  return changes;
}

function compareHost(
  changes: AttributeChange[],
  old: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
): void {
  for (const [field, attribute] of Object.entries(HOST_FIELDS)) {
    const wanted = said(now[field]);
    const was = said(old[field]);
    if (wanted === undefined && was !== undefined && ENGINE_DEFAULTS[field]?.(was) === true) continue;
    note(changes, attribute, SETS.has(field) ? sorted(was) : was, SETS.has(field) ? sorted(wanted) : wanted);
  }
}

const sorted = (value: unknown): unknown => (Array.isArray(value) ? value.toSorted() : value);

function comparePorts(
  changes: AttributeChange[],
  old: HostConfig["PortBindings"],
  now: HostConfig["PortBindings"],
): void {
  const [before, after] = [portsOf(old), portsOf(now)];
  for (const port of before.difference(after))
    changes.push({ attribute: "ports", kind: "removed", old: port });
  for (const port of after.difference(before)) changes.push({ attribute: "ports", kind: "added", new: port });
}

/** `127.0.0.1:8080:80/tcp` */
function portsOf(bindings: HostConfig["PortBindings"]): Set<string> {
  const ports = Object.entries(bindings ?? {}).flatMap(([port, hosts]) =>
    (hosts ?? []).map(({ HostIp, HostPort }) => [HostIp, HostPort, port].filter(Boolean).join(":")),
  );
  return new Set(ports);
}

/** Binds are written in two ways; their targets are what tells. */
function compareMounts(
  changes: AttributeChange[],
  old: HostConfig | undefined,
  now: HostConfig,
  { mounted, copied }: { mounted: ContainerInspect["Mounts"]; copied: ReadonlySet<string> },
): void {
  const anonymous = new Set(
    (mounted ?? []).filter(({ Name }) => ANONYMOUS.test(Name ?? "")).map((one) => one.Destination),
  );
  const [before, after] = [mountsOf(old ?? {}), mountsOf(now)];
  for (const target of new Set([...before.keys(), ...after.keys()])) {
    if (copied.has(target)) continue;
    // The data of the old container's anonymous volumes goes on in the new one.
    if (anonymous.has(target) && after.has(target)) continue;
    note(changes, `volumes.${target}`, before.get(target), after.get(target));
  }
}

function mountsOf({ Binds, Mounts }: HostConfig): Map<string, string> {
  const mounts = new Map<string, string>();
  const tell = (source: string, readOnly: boolean) => {
    const what = source === "" || ANONYMOUS.test(source) ? "an anonymous volume" : source;
    return readOnly ? `${what}, read-only` : what;
  };
  for (const bind of Binds ?? []) {
    const [source = "", target = "", mode] = bind.split(":");
    const readOnly = mode?.split(",").includes("ro") === true;
    mounts.set(target || source, tell(target === "" ? "" : source, readOnly));
  }
  for (const { Source = "", Target = "", ReadOnly } of Mounts ?? [])
    mounts.set(Target, tell(Source, ReadOnly === true));
  return mounts;
}

/** The names of variables and labels, and whether they changed; values may be nobody's business. */
function compareEntries(
  changes: AttributeChange[],
  attribute: string,
  old: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): void {
  for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
    if (old[key] === now[key]) continue;
    const kind = old[key] === undefined ? "added" : now[key] === undefined ? "removed" : "changed";
    changes.push({ attribute: `${attribute}.${key}`, kind });
  }
}

function note(changes: AttributeChange[], attribute: string, old: unknown, now: unknown): void {
  if (!Bun.deepEquals(stripped(old), stripped(now))) changes.push(change(attribute, old, now));
}

/** Nothing, where it says nothing. */
function said(value: unknown): unknown {
  const plain = stripped(value);
  if (plain === undefined || plain === "" || plain === 0 || plain === false) return undefined;
  if (Array.isArray(plain)) return plain.length === 0 ? undefined : plain;
  return typeof plain === "object" && Object.keys(plain as object).length === 0 ? undefined : plain;
}

/** Without fields that say nothing, so that what an engine adds does not count. */
function stripped(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map(stripped);
  if (typeof value !== "object") return value;
  const fields = Object.entries(value).map(([key, field]) => [key, said(field)] as const);
  return Object.fromEntries(fields.filter(([, field]) => field !== undefined));
}

const seconds = (value: unknown): string | undefined => (typeof value === "number" ? `${value}s` : undefined);

function variables(env: readonly string[] | null | undefined): Record<string, string> {
  const pairs = (env ?? []).map((pair) => {
    const at = pair.indexOf("=");
    return at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}

function ownLabels(labels: Readonly<Record<string, string>> | null | undefined): Record<string, string> {
  const own = Object.entries(labels ?? {}).filter(
    ([key]) => !/^(?:com\.docker\.compose|dev\.berth\.compose)\./.test(key),
  );
  return Object.fromEntries(own);
}
