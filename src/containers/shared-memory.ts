import { mkdirSync } from "node:fs";
import type { SpecMount } from "../runtime/index.ts";
import type { Context } from "./context.ts";
import { ipcPeer } from "./namespaces.ts";
import type { ContainerRecord } from "./record.ts";

const SHM = "/dev/shm";

/**
 * /dev/shm, where it is more than the container's own: `--ipc shareable` makes one that others can join,
 * which must
 * stay mounted on the host while the container runs, and `--ipc container:x` uses that of x.
 */
export function sharedMemoryMounts(context: Context, record: ContainerRecord): SpecMount[] {
  const { IpcMode: ipc = "", ShmSize: sizeBytes = 0 } = record.host;
  if (record.mounts.some((mount) => mount.destination === SHM)) return [];
  if (ipc === "shareable") {
    const target = context.paths.shm(record.id);
    mkdirSync(target, { recursive: true, mode: 0o700 });
    context.machine.mountTmpfs(target, { sizeBytes, mode: 0o1777 });
    return [bindShm(target)];
  }
  if (ipc.startsWith("container:")) return [bindShm(shmOf(context, ipc))];
  return [];
}

function shmOf(context: Context, ipc: string): string {
  const peer = ipcPeer(context, ipc);
  const own = peer.host.IpcMode ?? "";
  if (own === "host") return SHM;
  return own.startsWith("container:") ? shmOf(context, own) : context.paths.shm(peer.id);
}

function bindShm(source: string): SpecMount {
  return {
    type: "bind",
    source,
    destination: SHM,
    options: ["rbind", "rprivate", "rw", "nosuid", "noexec", "nodev"],
  };
}
