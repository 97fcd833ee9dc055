import type { RawStats } from "../contract.ts";
import type { Cgroups } from "./contract.ts";
import { openCgroups } from "./open.ts";

let opened: Cgroups | undefined;

/** This host's control groups, looked at once. @throws System where none are mounted */
export function hostCgroups(): Cgroups {
  opened ??= openCgroups();
  return opened;
}

/** What a container uses. @param cgroup OCI's `cgroupsPath`: `/berth/<id>`. @throws NotFound when it has ended */
export function containerStats(cgroup: string): Promise<RawStats> {
  return hostCgroups().stats(cgroup);
}

/** Ids of a container's processes in the daemon's PID namespace, for `top`; none when it has ended. */
export function processes(cgroup: string): Promise<number[]> {
  return hostCgroups().processes(cgroup);
}
