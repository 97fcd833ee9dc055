import { EAGAIN, EINTR, EIO, isErrno } from "../errors.ts";
import { closeDescriptor } from "../files/descriptors.ts";
import { check, libc } from "../libc.ts";
import { readableThenClosed } from "../sockets/readiness.ts";

const F_DUPFD_CLOEXEC = 1030;
const TIOCSWINSZ = 0x5414;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLOUT = 4;
/** A terminal's buffer gives less than a page at a time. */
const READ_BYTES = 4096;
const LARGEST_SIZE = 0xffff;

/**
 * A terminal by its master. Bun's own streams are none for this: its sink waits in the call, and with it the whole process,
 * until somebody reads what was typed; its source keeps the descriptor where it is left while it waits.
 */
export class Terminal {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafe(READ_BYTES);
  readonly #closing = new AbortController();
  #writes: Promise<void> = Promise.resolve();

  /** Takes over the descriptor, which must not block. */
  constructor(master: number) {
    this.#fd = master;
  }

  /** Sets the size; the foreground processes get SIGWINCH. */
  resize(rows: number, columns: number): void {
    if (this.#isClosed) return;
    const size = Buffer.alloc(8);
    size.writeUInt16LE(Math.max(0, Math.min(LARGEST_SIZE, rows)), 0);
    size.writeUInt16LE(Math.max(0, Math.min(LARGEST_SIZE, columns)), 2);
    check("ioctl", libc.ioctl(this.#fd, TIOCSWINSZ, size), "TIOCSWINSZ");
  }

  /**
   * What was printed, at least a byte; one call at a time.
   * @returns undefined where no process holds the terminal any more, where the signal aborts, or after `close`
   */
  async read(signal: AbortSignal): Promise<Uint8Array | undefined> {
    while (!this.#isClosed) {
      const count = this.#attempt("read", () => libc.read(this.#fd, this.#buffer, READ_BYTES));
      if (count === 0) return undefined;
      if (count !== undefined) return Uint8Array.prototype.slice.call(this.#buffer, 0, count);
      if (signal.aborted) return undefined;
      await readable(this.#fd, signal);
    }
    return undefined;
  }

  /** Types. Resolves when the terminal has taken it all, or is gone. One write after the other. */
  write(bytes: Uint8Array): Promise<void> {
    this.#writes = this.#writes.then(() => this.#send(bytes));
    return this.#writes;
  }

  /** Not while a read is pending. The processes that hold it are told by SIGHUP; what has not been taken is lost. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#closing.abort();
    closeDescriptor(this.#fd);
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0 && !this.#isClosed; ) {
      const count = this.#attempt("write", () => libc.write(this.#fd, rest, rest.length));
      if (count === 0) return;
      if (count === undefined) await writable(this.#fd, this.#closing.signal);
      else rest = rest.subarray(count);
    }
  }

  /** @returns how many bytes; 0 where the other side has gone, undefined where it would block */
  #attempt(syscall: string, call: () => number): number | undefined {
    try {
      return check(syscall, call());
    } catch (error) {
      if (isErrno(error, EIO)) return 0;
      if (isErrno(error, EAGAIN, EINTR)) return undefined;
      throw error;
    }
  }
}

function readable(fd: number, signal: AbortSignal): Promise<void> {
  return readableThenClosed(check("fcntl", libc.fcntl(fd, F_DUPFD_CLOEXEC, 0)), signal);
}

/** Bun's loop tells of any descriptor that it is readable, which that of an epoll is when what it watches is writable. */
async function writable(fd: number, signal: AbortSignal): Promise<void> {
  const watch = check("epoll_create1", libc.epoll_create1(EPOLL_CLOEXEC));
  try {
    // `struct epoll_event` begins with the events, and is longer or shorter by its padding.
    const event = Buffer.alloc(16);
    event.writeUInt32LE(EPOLLOUT, 0);
    check("epoll_ctl", libc.epoll_ctl(watch, EPOLL_CTL_ADD, fd, event));
  } catch (error) {
    closeDescriptor(watch);
    throw error;
  }
  await readableThenClosed(watch, signal);
}
