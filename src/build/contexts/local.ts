import { constants, openSync, readdirSync } from "node:fs";
import { conflict, invalidParameter } from "../../lib/index.ts";
import { acceptedPeer, closeDescriptor, descriptorPath, statDescriptor } from "../../linux/index.ts";
import type { OpenDirectory } from "../builder-contract.ts";

/**
 * Directories that a client on this machine has open for its build, as it tells them in the header `X-Berth-Context-Fd`:
 * `name=descriptor:device:inode`, several with commas between them, names escaped as in a URL.
 *
 * Why this may be trusted. Only who may use the daemon's socket can ask, and that is as good as being root. Still a client
 * gets no more than it could have sent itself: it names a descriptor of its own, which the kernel gave it after asking whether it
 * may open that directory. Whose it is says the kernel, too (SO_PEERCRED, of a connection that is open); and that the
 * descriptor is still the directory the client meant, and not one of another process of this number, the directory's
 * device and inode. No path travels, so it does not matter in which mount namespace the client is; a client on another machine,
 * behind a forwarded socket, has no such descriptor here, is told so, and sends its files instead.
 */
export interface OfferedDirectory {
  readonly name: string;
  readonly descriptor: number;
  readonly device: bigint;
  readonly inode: bigint;
}

const HEADER_LENGTH_MAX = 16 * 1024;

/** @throws InvalidParameter */
export function parseOfferedDirectories(header: string): OfferedDirectory[] {
  if (header.length > HEADER_LENGTH_MAX) throw invalidParameter("X-Berth-Context-Fd is too long");
  return header.split(",").map((item) => {
    const match = /^\s*([^=\s]*)=(\d{1,9}):(\d{1,20}):(\d{1,20})\s*$/.exec(item);
    if (match === null) throw invalidParameter("malformed X-Berth-Context-Fd");
    const [, name = "", descriptor, device = "", inode = ""] = match;
    return {
      name: decodedName(name),
      descriptor: Number(descriptor),
      device: BigInt(device),
      inode: BigInt(inode),
    };
  });
}

function decodedName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw invalidParameter("malformed X-Berth-Context-Fd");
  }
}

/** @throws Conflict where nobody who is connected has this directory open */
export function openOfferedDirectory(offered: OfferedDirectory): OpenDirectory {
  for (const pid of connectedProcesses()) {
    const fd = openOf(pid, offered);
    if (fd !== undefined) return new OpenedDirectory(fd);
  }
  throw conflict("the build context's directory is not open on the engine's machine");
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

const O_PATH = 0o10000000;

function openOf(pid: number, { descriptor, device, inode }: OfferedDirectory): number | undefined {
  let fd: number;
  try {
    fd = openSync(`/proc/${pid}/fd/${descriptor}`, O_PATH | constants.O_DIRECTORY);
  } catch {
    return undefined;
  }
  const stat = statDescriptor(fd);
  if (stat.kind === "directory" && stat.dev === device && stat.ino === inode) return fd;
  closeDescriptor(fd);
  return undefined;
}

class OpenedDirectory implements OpenDirectory {
  readonly path: string;
  readonly #fd: number;
  #closed = false;

  constructor(fd: number) {
    this.#fd = fd;
    this.path = descriptorPath(fd);
  }

  [Symbol.dispose](): void {
    if (!this.#closed) closeDescriptor(this.#fd);
    this.#closed = true;
  }
}
