import { decodeName, log, messageOf } from "../../lib/index.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../constants.ts";
import { check, libc } from "../libc.ts";
import { cString } from "../paths.ts";

// linux/inotify.h
export const IN_MODIFY = 0x2;
export const IN_ATTRIB = 0x4;
export const IN_CLOSE_WRITE = 0x8;
export const IN_OPEN = 0x20;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE_SELF = 0x400;
export const IN_MOVE_SELF = 0x800;
export const IN_ONLYDIR = 0x01000000;
export const IN_ONESHOT = 0x80000000;
const IN_Q_OVERFLOW = 0x4000;
const IN_IGNORED = 0x8000;
const IN_NONBLOCK = O_NONBLOCK;
const IN_CLOEXEC = O_CLOEXEC;
/** `struct inotify_event` without its name. */
const EVENT_HEADER = 16;

/** Called for an event of one watch. `name` is that of the entry of a watched directory, else empty. */
export type OnEvent = (name: string) => void;

interface Watch {
  readonly onEvent: OnEvent;
  /** The kernel dropped events: anything may have happened. */
  readonly onOverflow: () => void;
}

/**
 * One inotify instance for the process, since a user has only 128 of them; it stays open once it was needed, because
 * closing one makes the kernel wait for a grace period. The event loop waits for it: `Bun.file(fd).stream()` polls
 * descriptors that cannot be mapped, so neither a thread nor a timer is spent on it. `node:fs.watch` is not used, as it
 * says nothing when the kernel's queue overflowed. A process that has watched anything ends by `process.exit`: the
 * instance keeps its event loop going.
 */
class Inotify {
  readonly #fd = check("inotify_init1", libc.inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  readonly #watches = new Map<number, Watch>();
  /** The beginning of an event whose end is in the stream's next chunk. */
  #rest = Buffer.alloc(0);

  constructor() {
    void this.#readAll();
  }

  /** Watches a file or directory. A second watch of the same one replaces the first: callers share by inode. */
  add(path: string, mask: number, watch: Watch): number {
    const id = check("inotify_add_watch", libc.inotify_add_watch(this.#fd, cString(path), mask), path);
    this.#watches.set(id, watch);
    return id;
  }

  /** Nothing happens where the watch is gone already. */
  remove(id: number): void {
    if (this.#watches.delete(id)) libc.inotify_rm_watch(this.#fd, id);
  }

  async #readAll(): Promise<never> {
    for (;;) {
      try {
        for await (const events of Bun.file(this.#fd).stream()) this.#dispatch(events);
      } catch (error) {
        log.error("watching files failed", { error: messageOf(error) });
      }
      await Bun.sleep(100);
    }
  }

  #dispatch(chunk: Uint8Array): void {
    const events = Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at + EVENT_HEADER <= events.length) {
      const id = events.readInt32LE(at);
      const mask = events.readUInt32LE(at + 4);
      const end = at + EVENT_HEADER + events.readUInt32LE(at + 12);
      if (end > events.length) break;
      if ((mask & IN_Q_OVERFLOW) !== 0) this.#overflow();
      else if ((mask & IN_IGNORED) !== 0) this.#watches.delete(id);
      else this.#event(id, nameIn(events.subarray(at + EVENT_HEADER, end)));
      at = end;
    }
    this.#rest = events.subarray(at);
  }

  #event(id: number, name: string): void {
    const watch = this.#watches.get(id);
    if (watch !== undefined) callSafely(() => watch.onEvent(name));
  }

  #overflow(): void {
    for (const watch of [...this.#watches.values()]) callSafely(watch.onOverflow);
  }
}

/** A listener that throws must not end the watching of all others. */
export function callSafely(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    log.error("a file's watcher failed", { error: messageOf(error) });
  }
}

function nameIn(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return decodeName(end === -1 ? bytes : bytes.subarray(0, end));
}

let shared: Inotify | undefined;

export function inotify(): Inotify {
  shared ??= new Inotify();
  return shared;
}
