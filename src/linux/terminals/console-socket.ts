import { ptr } from "bun:ffi";
import { AF_UNIX, O_NONBLOCK, SOCK_CLOEXEC, SOCK_NONBLOCK } from "../constants.ts";
import { LinuxError } from "../errors.ts";
import { closeDescriptor } from "../files/descriptors.ts";
import { check, libc } from "../libc.ts";
import { bindSocket } from "../sockets/address.ts";
import { Terminal } from "./terminal.ts";

const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const F_GETFL = 3;
const F_SETFL = 4;
const EINVAL = 22;

/**
 * A Unix socket on which an OCI runtime hands over the terminal that it made (`--console-socket`): it connects and
 * sends one message with one descriptor (SCM_RIGHTS).
 */
export class ConsoleSocket implements Disposable {
  readonly #fd: number;

  /** @param path of a socket that is not there yet; the undo is `close`, which leaves the file to whoever owns its directory. */
  constructor(path: string) {
    this.#fd = check("socket", libc.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), path);
    try {
      bindSocket(this.#fd, path);
      check("listen", libc.listen(this.#fd, 1), path);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * The terminal, to be closed by the caller. Asked for after the runtime said that the process runs, when it has been sent.
   * @throws LinuxError EAGAIN where it was not.
   */
  take(): Terminal {
    const connection = check("accept4", libc.accept4(this.#fd, null, null, SOCK_CLOEXEC | SOCK_NONBLOCK));
    try {
      const master = receiveDescriptor(connection);
      const flags = check("fcntl", libc.fcntl(master, F_GETFL, 0));
      check("fcntl", libc.fcntl(master, F_SETFL, flags | O_NONBLOCK));
      return new Terminal(master);
    } finally {
      closeDescriptor(connection);
    }
  }

  close(): void {
    closeDescriptor(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** `struct msghdr` with one `struct iovec` and room for one `struct cmsghdr` with an int, on 64 bits. */
function receiveDescriptor(connection: number): number {
  const data = Buffer.alloc(256);
  const vector = Buffer.alloc(16);
  vector.writeBigUInt64LE(BigInt(ptr(data)), 0);
  vector.writeBigUInt64LE(BigInt(data.length), 8);
  const control = Buffer.alloc(24);
  const message = Buffer.alloc(56);
  message.writeBigUInt64LE(BigInt(ptr(vector)), 16);
  message.writeBigUInt64LE(1n, 24);
  message.writeBigUInt64LE(BigInt(ptr(control)), 32);
  message.writeBigUInt64LE(BigInt(control.length), 40);
  check("recvmsg", libc.recvmsg(connection, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
  const received = message.readBigUInt64LE(40) >= 20n;
  const [level, type] = [control.readInt32LE(8), control.readInt32LE(12)];
  if (!received || level !== SOL_SOCKET || type !== SCM_RIGHTS)
    throw new LinuxError("recvmsg", EINVAL, "console socket");
  return control.readInt32LE(16);
}
