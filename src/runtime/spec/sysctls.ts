import { invalidParameter } from "../../lib/index.ts";
import type { SpecNamespaces } from "../contract.ts";

const IPC_SYSCTLS: ReadonlySet<string> = new Set([
  "kernel.msgmax",
  "kernel.msgmnb",
  "kernel.msgmni",
  "kernel.sem",
  "kernel.shmall",
  "kernel.shmmax",
  "kernel.shmmni",
  "kernel.shm_rmid_forced",
]);

/**
 * What the user set, over defaults that let a process without rights ping and listen on any port in a network
 * namespace of its own (as Docker has since 20.10).
 * @throws InvalidParameter in runc's words, for one that is not the container's own
 */
export function resolveSysctls(
  requested: Readonly<Record<string, string>> | null | undefined,
  namespaces: SpecNamespaces,
  o: { ownNetwork: boolean },
): Record<string, string> {
  const sysctls: Record<string, string> = {};
  if (o.ownNetwork) {
    // A group range in a remapped user namespace would name groups that do not exist there.
    if (namespaces.user === "host") sysctls["net.ipv4.ping_group_range"] = "0 2147483647";
    sysctls["net.ipv4.ip_unprivileged_port_start"] = "0";
  }
  for (const [name, value] of Object.entries(requested ?? {})) {
    checkSysctl(withDots(name), namespaces);
    sysctls[name] = value;
  }
  return sysctls;
}

function checkSysctl(name: string, namespaces: SpecNamespaces): void {
  const quoted = JSON.stringify(name);
  if (name.includes("..")) throw invalidParameter(`sysctl ${quoted} is not in a separate kernel namespace`);
  if (IPC_SYSCTLS.has(name) || name.startsWith("fs.mqueue.")) {
    if (namespaces.ipc !== "host") return;
    throw invalidParameter(`sysctl ${quoted} is not allowed in the hosts ipc namespace`);
  }
  if (name.startsWith("net.")) {
    if (namespaces.network !== "host") return;
    throw invalidParameter(`sysctl ${quoted} not allowed in host network namespace`);
  }
  if (namespaces.uts !== "host" && name === "kernel.domainname") return;
  if (namespaces.uts !== "host" && name === "kernel.hostname") {
    throw invalidParameter(`sysctl ${quoted} is not allowed as it conflicts with the OCI "hostname" field`);
  }
  throw invalidParameter(`sysctl ${quoted} is not in a separate kernel namespace`);
}

/** sysctl(8): whichever of `.` and `/` comes first separates; the other one is then part of a name. */
function withDots(name: string): string {
  const first = name.search(/[./]/);
  if (first < 0 || name[first] === ".") return name;
  return name.replace(/[./]/g, (c) => (c === "." ? "/" : "."));
}
