import {
  conflict,
  type EngineError,
  invalidParameter,
  kindOf,
  messageOf,
  systemError,
} from "../lib/index.ts";
import type { SpecNamespace, SpecNamespaces } from "../runtime/index.ts";
import type { Context } from "./context.ts";
import { type ContainerRecord, hasProcess } from "./record.ts";

/**
 * Namespaces that don't depend on the network's set-up. @throws where one is to be shared with a container
 * that does not run
 */
export function namespacesOf(
  context: Pick<Context, "repository">,
  record: ContainerRecord,
  network: SpecNamespace,
): SpecNamespaces {
  const { PidMode: pid = "", IpcMode: ipc = "", UTSMode: uts = "", CgroupnsMode: cgroup = "" } = record.host;
  return {
    network,
    pid: mode(pid, () => namespaceOfPeer(processPeer(context, pid, "PID"), "pid")),
    ipc: mode(ipc, () => namespaceOfPeer(ipcPeer(context, ipc), "ipc")),
    uts: uts === "host" ? "host" : "new",
    cgroup: cgroup === "host" ? "host" : "new",
    user: "host",
  };
}

function mode(text: string, join: () => SpecNamespace): SpecNamespace {
  if (text.startsWith("container:")) return join();
  return text === "host" ? "host" : "new";
}

function namespaceOfPeer(peer: ContainerRecord, type: "pid" | "ipc" | "net"): SpecNamespace {
  return { path: `/proc/${peer.state.pid}/ns/${type}` };
}

/** The container whose network is shared; its hosts, resolv.conf and host name are shared with it. */
export function networkPeer(
  context: Pick<Context, "repository">,
  record: ContainerRecord,
): ContainerRecord | undefined {
  const { NetworkMode: text = "" } = record.host;
  if (!text.startsWith("container:")) return undefined;
  const reference = text.slice("container:".length);
  const peer = findPeer(context, reference, (error) =>
    systemError(`joining network namespace of container: ${messageOf(error)}`),
  );
  if (peer.id === record.id) throw systemError("cannot join own network namespace");
  if (peer.state.status === "restarting")
    throw restarting(reference, "cannot join network namespace of container: ");
  if (!hasProcess(peer)) {
    throw conflict(
      `cannot join network namespace of a non running container: container ${peer.name} is ${peer.state.status}`,
    );
  }
  return peer;
}

export function networkOfPeer(peer: ContainerRecord): SpecNamespace {
  return namespaceOfPeer(peer, "net");
}

/** Where a container that is to share memory with another finds its /dev/shm. */
export function ipcPeer(context: Pick<Context, "repository">, text: string): ContainerRecord {
  const peer = processPeer(context, text, "IPC");
  const ipc = peer.host.IpcMode ?? "";
  if (ipc === "shareable" || ipc === "host" || ipc.startsWith("container:")) return peer;
  throw invalidParameter(
    `failed to join IPC namespace: container ${text.slice("container:".length)}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  );
}

function processPeer(context: Pick<Context, "repository">, text: string, what: string): ContainerRecord {
  const reference = text.slice("container:".length);
  const prefix = `failed to join ${what} namespace: `;
  const peer = findPeer(context, reference, (error) => invalidParameter(prefix + messageOf(error)));
  if (peer.state.status === "restarting") throw restarting(reference, prefix);
  if (!hasProcess(peer)) throw conflict(`${prefix}container ${reference} is not running`);
  return peer;
}

function findPeer(
  context: Pick<Context, "repository">,
  reference: string,
  describe: (error: unknown) => EngineError,
): ContainerRecord {
  try {
    return context.repository.find(reference);
  } catch (error) {
    throw kindOf(error) === "System" ? error : describe(error);
  }
}

function restarting(reference: string, prefix: string): EngineError {
  return conflict(`${prefix}Container ${reference} is restarting, wait until the container is running`);
}
