import { libc } from "../libc.ts";

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_ACCEPTCONN = 30;
const AF_UNIX = 1;
/** `struct sockaddr_un`: a family of two bytes, then the path. */
const ADDRESS_BYTES = 110;

/** Somebody at the other end of a Unix socket, as the kernel saw him connect. */
export interface PeerCredentials {
  /** 0: a process that this one's namespace of processes does not know. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** A connection that was accepted on a Unix socket: where it came in, and who made it. */
export interface AcceptedPeer extends PeerCredentials {
  readonly path: string;
}

/** For one call at a time: all descriptors of the process are asked, for each request anew. */
const address = Buffer.alloc(ADDRESS_BYTES);
const length = Buffer.alloc(4);
const OPTION_BYTES_MAX = 12;
const value = Buffer.alloc(OPTION_BYTES_MAX);

/** `undefined` for a descriptor that is no connection accepted on a Unix socket with a path. */
export function acceptedPeer(fd: number): AcceptedPeer | undefined {
  length.writeUInt32LE(ADDRESS_BYTES);
  if (libc.getsockname(fd, address, length) < 0 || address.readUInt16LE(0) !== AF_UNIX) return undefined;
  const end = Math.min(length.readUInt32LE(0), ADDRESS_BYTES);
  const path = address.subarray(2, Math.max(2, end)).toString().replace(/\0.*$/s, "");
  // One that this process connected has no name of its own; one that listens has no peer.
  if (path === "" || option(fd, SO_ACCEPTCONN, 4)?.readInt32LE(0) !== 0) return undefined;
  const credentials = option(fd, SO_PEERCRED, 12);
  if (credentials === undefined) return undefined;
  return {
    path,
    pid: credentials.readInt32LE(0),
    uid: credentials.readUInt32LE(4),
    gid: credentials.readUInt32LE(8),
  };
}

/** @param bytes 12 at most. @returns what is good until the next call */
function option(fd: number, name: number, bytes: number): Buffer | undefined {
  length.writeUInt32LE(bytes);
  return libc.getsockopt(fd, SOL_SOCKET, name, value, length) < 0 ? undefined : value;
}
