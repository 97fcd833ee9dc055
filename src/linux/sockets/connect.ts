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
  using directory = Buffer.byteLength(path) < LONGEST_PATH ? undefined : openRoot(dirname(path));
  const short = directory === undefined ? path : `${descriptorPath(directory.fd)}/${basename(path)}`;
  const name = cString(short);
  const address = Buffer.alloc(2 + name.length);
  address.writeUInt16LE(AF_UNIX, 0);
  address.set(name, 2);
  check("connect", libc.connect(fd, address, address.length), path);
}
