import { log, messageOf } from "../../lib/index.ts";
import { AT_FDCWD, O_CLOEXEC, O_PATH } from "../constants.ts";
import { closeDescriptor, descriptorPath } from "../files/descriptors.ts";
import { statDescriptor } from "../files/file-stat.ts";
import { check, libc } from "../libc.ts";
import { cString } from "../paths.ts";
import {
  callSafely,
  IN_ATTRIB,
  IN_CLOSE_WRITE,
  IN_DELETE_SELF,
  IN_MODIFY,
  IN_MOVE_SELF,
  IN_ONESHOT,
  inotify,
} from "./inotify.ts";

/** A busy writer would wake the process at each write: after one event the file rests this long, then is looked at again. */
const REST_MS = 4;
/** How long until a watch that the kernel refused (its user has too many) is tried again. */
const RETRY_MS = 500;
const EVENTS = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF;

/**
 * Tells that a file was written to, truncated, closed by a writer, renamed, or unlinked. It stays with the file, not the
 * name. Told at once after a quiet time, then at most every few milliseconds while the writing goes on; the last
 * change is always told.
 */
export function watchFile(path: string, onChange: () => void): Disposable {
  const fd = check("open", libc.openat(AT_FDCWD, cString(path), O_PATH | O_CLOEXEC, 0), path);
  const { dev, ino } = statDescriptor(fd);
  const key = `${dev}:${ino}`;
  const known = watched.get(key);
  if (known !== undefined) {
    closeDescriptor(fd);
    return known.listen(onChange);
  }
  try {
    const file = new WatchedFile(key, fd);
    watched.set(key, file);
    return file.listen(onChange);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/** By device and inode, since inotify has one watch a file, whatever name it was given. */
const watched = new Map<string, WatchedFile>();

class WatchedFile {
  readonly #key: string;
  /** Keeps the inode, and the way back to it after a rename. */
  readonly #fd: number;
  readonly #listeners = new Set<() => void>();
  #watch: number | undefined;
  #rest: Timer | undefined;
  /** What the listeners know. */
  #told: string;

  constructor(key: string, fd: number) {
    this.#key = key;
    this.#fd = fd;
    this.#arm();
    this.#told = this.#state();
  }

  listen(onChange: () => void): Disposable {
    const listener = () => onChange();
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#leave(listener) };
  }

  #leave(listener: () => void): void {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
    watched.delete(this.#key);
    clearTimeout(this.#rest);
    if (this.#watch !== undefined) inotify().remove(this.#watch);
    closeDescriptor(this.#fd);
  }

  #arm(): void {
    const tell = () => this.#onEvent();
    const path = descriptorPath(this.#fd);
    this.#watch = inotify().add(path, EVENTS | IN_ONESHOT, { onEvent: tell, onOverflow: () => this.#tell() });
  }

  #onEvent(): void {
    this.#watch = undefined;
    this.#rest = setTimeout(() => this.#rearm(), REST_MS);
    this.#tell();
  }

  /** What changed between the event and the new watch is seen by a look at the file. */
  #rearm(): void {
    try {
      this.#arm();
    } catch (error) {
      log.warn("a file cannot be watched", { error: messageOf(error) });
      this.#rest = setTimeout(() => this.#rearm(), RETRY_MS);
    }
    if (this.#state() !== this.#told) this.#tell();
  }

  #tell(): void {
    this.#told = this.#state();
    for (const listener of [...this.#listeners]) callSafely(listener);
  }

  #state(): string {
    const { size, mtimeNs, ctimeNs, nlink } = statDescriptor(this.#fd);
    return `${size} ${mtimeNs} ${ctimeNs} ${nlink}`;
  }
}
