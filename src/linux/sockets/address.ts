import { basename, dirname } from "node:path";
import { AF_UNIX } from "../constants.ts";
import { descriptorPath } from "../files/descriptors.ts";
import { openRoot } from "../files/root-dir.ts";
import { check, libc } from "../libc.ts";
import { cString } from "../paths.ts";

/** `sun_path` of unix(7) with its NUL. */
const LONGEST_PATH = 108;

/** connect(2) to a Unix socket by a path of any length. @throws LinuxError */
export function connectSocket(fd: number, path: string): void {
  withAddress(path, (address) => check("connect", libc.connect(fd, address, address.length), path));
}

/** bind(2) of a Unix socket to a path of any length that is not there yet. @throws LinuxError */
export function bindSocket(fd: number, path: string): void {
  withAddress(path, (address) => check("bind", libc.bind(fd, address, address.length), path));
}

/** Gives `struct sockaddr_un`; where the path is too long for it, by the descriptor of its directory. */
function withAddress(path: string, work: (address: Buffer) => void): void {
  using directory = Buffer.byteLength(path) < LONGEST_PATH ? undefined : openRoot(dirname(path));
  const name = cString(directory === undefined ? path : `${descriptorPath(directory.fd)}/${basename(path)}`);
  const address = Buffer.alloc(2 + name.length);
  address.writeUInt16LE(AF_UNIX, 0);
  address.set(name, 2);
  work(address);
}
