import { constants, openSync, readdirSync, readFileSync } from "node:fs";
import { O_PATH } from "../constants.ts";
import { closeDescriptor, descriptorPath } from "../files/descriptors.ts";
import { statDescriptor } from "../files/file-stat.ts";
import { acceptedPeer } from "./peer-credentials.ts";

/** What a process that is connected to us says it has open: the descriptor's number there, and which file that is. */
export interface OfferedDescriptor {
  readonly descriptor: number;
  readonly device: bigint;
  readonly inode: bigint;
}

/**
 * Opens what a client on this machine has open. Why this may be trusted: only who may use the daemon's socket can ask, and that is
 * as good as being root. Still a client gets no more than it could have sent itself: it names a descriptor of its own, which the
 * kernel gave it after asking whether it may open that file. Whose it is says the kernel, too (SO_PEERCRED, of a connection that
 * is open); and that the descriptor is still the file that the client meant, and not one of another process of this number, the
 * file's device and inode. No path travels, so it does not matter in which mount namespace the client is; a client on another
 * machine, behind a forwarded socket, has no such descriptor here.
 *
 * @returns a descriptor of our own: of a directory as a place only, of a file to be read from its beginning, if the client can
 *   read it; undefined where nobody who is connected has it
 */
export function openOffered(offered: OfferedDescriptor, kind: "directory" | "file"): number | undefined {
  for (const pid of connectedProcesses()) {
    const fd = openOf(pid, offered, kind);
    if (fd !== undefined) return fd;
  }
  return undefined;
}

/**
 * Those that connected last come first. Our own process is no client: what comes through TLS comes by a socket of our own.
 */
function* connectedProcesses(): Generator<number, void> {
  const seen = new Set([0, process.pid]);
  for (const fd of readdirSync("/proc/self/fd").map(Number).sort(descending)) {
    const pid = acceptedPeer(fd)?.pid;
    if (pid === undefined || seen.has(pid)) continue;
    seen.add(pid);
    yield pid;
  }
}

const descending = (a: number, b: number) => b - a;

function openOf(
  pid: number,
  { descriptor, device, inode }: OfferedDescriptor,
  kind: "directory" | "file",
): number | undefined {
  let place: number;
  try {
    place = openSync(
      `/proc/${pid}/fd/${descriptor}`,
      kind === "directory" ? O_PATH | constants.O_DIRECTORY : O_PATH,
    );
  } catch {
    return undefined;
  }
  const stat = statDescriptor(place);
  const isMeant = stat.kind === kind && stat.dev === device && stat.ino === inode;
  if (isMeant && kind === "directory") return place;
  try {
    if (!isMeant || !isReadable(pid, descriptor)) return undefined;
    return openSync(descriptorPath(place), constants.O_RDONLY);
  } catch {
    return undefined;
  } finally {
    closeDescriptor(place);
  }
}

/** Whether the client opened it for reading: a descriptor for writing says nothing of that. */
function isReadable(pid: number, descriptor: number): boolean {
  const [, octal = ""] =
    /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, "latin1")) ?? [];
  const flags = Number.parseInt(octal, 8);
  const mode = flags & (constants.O_WRONLY | constants.O_RDWR);
  return (flags & O_PATH) === 0 && (mode === constants.O_RDONLY || mode === constants.O_RDWR);
}
