import { conflict, invalidParameter } from "../../lib/index.ts";
import { closeDescriptor, descriptorPath, type OfferedDescriptor, openOffered } from "../../linux/index.ts";
import type { OpenDirectory } from "../builder-contract.ts";

/**
 * Directories that a client on this machine has open for its build, as it tells them in the header `X-Berth-Context-Fd`:
 * `name=descriptor:device:inode`, several with commas between them, names escaped as in a URL. Who has none of them open here is
 * told so, and sends its files instead.
 */
export interface OfferedDirectory extends OfferedDescriptor {
  readonly name: string;
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
  const fd = openOffered(offered, "directory");
  if (fd !== undefined) return new OpenedDirectory(fd);
  throw conflict("the build context's directory is not open on the engine's machine");
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
