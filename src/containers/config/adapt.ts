import type { HostConfig } from "../../wire/index.ts";
import type { ContainerDefaults } from "../context.ts";
import type { ContainerRecord } from "../record.ts";

const DEFAULT_SHM_SIZE = 64 * 1024 * 1024;

export interface AdaptWorld {
  readonly defaults: ContainerDefaults;
  readonly cgroupVersion: 1 | 2;
  readonly defaultRuntime: string;
  /** `undefined` where there is no such container: its absence is told at start, as Docker does. */
  find(reference: string): ContainerRecord | undefined;
}

/**
 * Fills in what the request leaves to the daemon (moby, `adaptContainerSettings`); `inspect` shows the
 * result.
 */
export function adaptHost(host: HostConfig, world: AdaptWorld): HostConfig {
  const { defaults } = world;
  const networkMode = host.NetworkMode || "default";
  return {
    ...host,
    NetworkMode: networkMode === "default" ? "bridge" : shared(networkMode, world),
    PidMode: shared(host.PidMode ?? "", world),
    IpcMode: shared(host.IpcMode || defaults.ipcMode || "private", world),
    CgroupnsMode: host.CgroupnsMode || cgroupnsMode(host, world),
    ShmSize: host.ShmSize || defaults.shmSize || DEFAULT_SHM_SIZE,
    Runtime: host.Runtime || world.defaultRuntime,
    RestartPolicy: {
      Name: host.RestartPolicy?.Name || "no",
      MaximumRetryCount: host.RestartPolicy?.MaximumRetryCount ?? 0,
    },
    PidsLimit: (host.PidsLimit ?? 0) > 0 ? host.PidsLimit! : null,
    SecurityOpt: securityOptions(host),
    PortBindings: host.PortBindings ?? {},
  };
}

/** `container:name` → `container:<id>`, so that a rename changes nothing. */
function shared(mode: string, world: AdaptWorld): string {
  if (!mode.startsWith("container:")) return mode;
  const donor = world.find(mode.slice("container:".length));
  return donor === undefined ? mode : `container:${donor.id}`;
}

function cgroupnsMode(host: HostConfig, { defaults, cgroupVersion }: AdaptWorld): string {
  // On cgroup v1 a privileged container manages the host's hierarchies; on v2 it gets its own part of the one.
  if (host.Privileged && cgroupVersion === 1) return "host";
  return defaults.cgroupnsMode ?? (cgroupVersion === 2 ? "private" : "host");
}

/** SELinux labels make no sense for a container that shares processes or memory with the host. */
function securityOptions(host: HostConfig): string[] | null {
  const given = host.SecurityOpt ?? null;
  const openToHost = host.Privileged || host.IpcMode === "host" || host.PidMode === "host";
  if (!openToHost || given?.some((option) => option.startsWith("label"))) return given;
  return [...(given ?? []), "label=disable"];
}
