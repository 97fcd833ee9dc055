import { LinuxError } from "../errors.ts";
import { NetlinkMessage, NLM_F_ACK, parseAttributes } from "./message.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

// linux/netlink.h, linux/sock_diag.h, linux/unix_diag.h
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const AF_UNIX = 1;
const UDIAG_SHOW_PEER = 4;
const UNIX_DIAG_PEER = 2;
/** `struct unix_diag_msg`, which the attributes follow. */
const MESSAGE_BYTES = 16;
const ANY_COOKIE = 0xffffffff;
const ALL_STATES = 0xffffffff;

/**
 * The inode of the socket at the other end of a connected Unix socket, which is given by its own inode, as `fstat(2)` tells it.
 * `undefined` where it has none, or where the kernel does not tell (it can be built without).
 */
export function unixPeer(inode: bigint): bigint | undefined {
  try {
    using socket = new NetlinkSocket(NETLINK_SOCK_DIAG);
    const message = new NetlinkMessage(SOCK_DIAG_BY_FAMILY, NLM_F_ACK)
      .u8(AF_UNIX)
      .u8(0)
      .u16(0)
      .u32(ALL_STATES)
      .u32(Number(inode & 0xffffffffn))
      .u32(UDIAG_SHOW_PEER)
      .u32(ANY_COOKIE)
      .u32(ANY_COOKIE);
    let peer: bigint | undefined;
    socket.ask({ message, subject: "SOCK_DIAG_BY_FAMILY" }, ({ type, body }) => {
      if (type !== SOCK_DIAG_BY_FAMILY) return;
      const value = parseAttributes(body.subarray(MESSAGE_BYTES)).get(UNIX_DIAG_PEER);
      if (value !== undefined && value.length >= 4) peer = BigInt(value.readUInt32LE(0));
    });
    return peer;
  } catch (error) {
    if (error instanceof LinuxError) return undefined;
    throw error;
  }
}
