import { ptr } from "bun:ffi";
import { AF_UNIX, SHUT_RD, SHUT_WR, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_SEQPACKET } from "../constants.ts";
import { EAGAIN, EPIPE, isErrno, LinuxError } from "../errors.ts";
import { closeDescriptor } from "../files/descriptors.ts";
import { check, libc } from "../libc.ts";
import { connectSocket } from "./address.ts";
import { adoptSocket } from "./readiness.ts";

/** conmon reads a message into 32 KiB less one byte, and the rest of a longer one would be lost. */
const LARGEST_MESSAGE = 16 * 1024;
/** How long to wait where the listener has not yet accepted those before us. */
const RETRY_MS = 2;
const RETRIES = 1000;

/**
 * Connects to a Unix socket that keeps messages apart (SOCK_SEQPACKET), as conmon's `attach` is.
 * @throws LinuxError ENOENT where there is no socket, ECONNREFUSED where nobody listens any more.
 */
export function connectSeqpacket(path: string): SeqpacketSocket {
  const type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
  const fd = check("socket", libc.socket(AF_UNIX, type, 0), "seqpacket");
  try {
    discardIncoming(fd);
    return new SeqpacketSocket(fd, tryConnect(fd, path) ? Promise.resolve() : connectLater(fd, path));
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
/** `struct sock_filter`: BPF_RET | BPF_K with 0, which keeps no byte of a message. */
const DROP_ALL = Buffer.from([6, 0, 0, 0, 0, 0, 0, 0]);

/**
 * What the other side sends is tossed by the kernel, and its send succeeds at once (unix_dgram_sendmsg: "Toss the packet but
 * do not return any error to the sender"). Refusing it by SHUT_RD would make conmon 2.1 give up its half after the first
 * output, and then, at our end-of-file, free the connection before it looks at whose input it was: the container's
 * standard input would stay open for ever.
 */
function discardIncoming(fd: number): void {
  const program = Buffer.alloc(16);
  program.writeUInt16LE(1, 0);
  program.writeBigUInt64LE(BigInt(ptr(DROP_ALL)), 8);
  check(
    "setsockopt",
    libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, program.length),
    "SO_ATTACH_FILTER",
  );
}

/** @returns false where the listener's queue is full. */
function tryConnect(fd: number, path: string): boolean {
  try {
    connectSocket(fd, path);
    return true;
  } catch (error) {
    if (isErrno(error, EAGAIN)) return false;
    throw error;
  }
}

async function connectLater(fd: number, path: string): Promise<void> {
  for (let attempt = 0; attempt < RETRIES; attempt++) {
    await Bun.sleep(RETRY_MS);
    if (tryConnect(fd, path)) return;
  }
  throw new LinuxError("connect", EAGAIN, path);
}

/** The sending side of a message socket. What the other side sends is read and dropped; `shutdownRead` spares that. */
export class SeqpacketSocket implements Disposable {
  readonly #fd: number;
  readonly #adopted: ReturnType<typeof adoptSocket>;
  #closed = false;
  /** Wakes the writer that waits for room. */
  #wake: () => void = () => {};
  /** Writes in the order in which they were asked for. */
  #queue: Promise<void> = Promise.resolve();

  /** Takes over the descriptor. @param connected resolves when it is. */
  constructor(fd: number, connected: Promise<void>) {
    this.#fd = fd;
    this.#adopted = connected.then(() =>
      adoptSocket(fd, { drain: () => this.#wake(), close: () => this.#onClose(), error: () => this.#wake() }),
    );
    this.#adopted.catch(() => {
      this.#onClose();
      closeDescriptor(fd);
    });
  }

  /**
   * Sends bytes as messages of at most 16 KiB each. Resolves when the kernel has taken them all: await it, so that a
   * slow reader slows its writer. The bytes must not change until then.
   * @throws LinuxError EPIPE where the other side has gone or this one was closed.
   */
  write(bytes: Uint8Array): Promise<void> {
    const written = this.#queue.then(() => this.#send(bytes));
    this.#queue = written.catch(() => {});
    return written;
  }

  /** The other side's messages are refused from now on, which costs it nothing where it does not mind. */
  shutdownRead(): void {
    if (!this.#closed) libc.shutdown(this.#fd, SHUT_RD);
  }

  /** Half-close after what is being written: the other side reads end-of-file. */
  shutdownWrite(): void {
    this.#queue = this.#queue.then(() => {
      if (!this.#closed) libc.shutdown(this.#fd, SHUT_WR);
    });
  }

  /** Closes at once; writes that wait fail. Idempotent. */
  close(): void {
    this.#onClose();
    this.#adopted.then(
      (socket) => socket.terminate(),
      () => {},
    );
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #send(bytes: Uint8Array): Promise<void> {
    const socket = await this.#adopted;
    for (let at = 0; at < bytes.length; at += LARGEST_MESSAGE) {
      const message = bytes.subarray(at, at + LARGEST_MESSAGE);
      while (this.#closed || socket.write(message) !== message.length) {
        if (this.#closed) throw new LinuxError("send", EPIPE);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #onClose(): void {
    this.#closed = true;
    this.#wake();
  }
}
