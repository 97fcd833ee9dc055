import { dirname } from "node:path";
import { AF_UNIX, MSG_NOSIGNAL, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from "../constants.ts";
import { EAGAIN, EPIPE, isErrno, LinuxError } from "../errors.ts";
import { closeDescriptor } from "../files/descriptors.ts";
import { check, libc } from "../libc.ts";
import { connectSocket } from "./address.ts";

/** How long to wait where the receiver's queue is full: unix(7) tells nobody when there is room again. */
const RETRY_MS = 5;
const RETRIES = 2000;

/** The sending side of a Unix datagram socket: journald's and syslog's. */
export class UnixDatagramSocket implements Disposable {
  readonly #fd: number;
  readonly #path: string;
  #closed = false;

  constructor(fd: number, path: string) {
    this.#fd = fd;
    this.#path = path;
  }

  /**
   * Sends one message; resolves when the receiver's queue has it.
   * @throws LinuxError ECONNREFUSED where the receiver has gone, EMSGSIZE, EAGAIN where it takes nothing for 10 s, EPIPE after
   * `close`
   */
  async send(bytes: Uint8Array): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      // The number may mean somebody else's file by now.
      if (this.#closed) throw new LinuxError("send", EPIPE, this.#path);
      try {
        check("send", libc.send(this.#fd, bytes, bytes.length, MSG_NOSIGNAL), this.#path);
        return;
      } catch (error) {
        if (!isErrno(error, EAGAIN) || attempt === RETRIES) throw error;
      }
      await Bun.sleep(RETRY_MS);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeDescriptor(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** @throws LinuxError ENOENT where there is no socket, ECONNREFUSED where nobody listens */
export function connectDatagram(path: string): UnixDatagramSocket {
  const fd = check(
    "socket",
    libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
    dirname(path),
  );
  try {
    connectSocket(fd, path);
    return new UnixDatagramSocket(fd, path);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}
