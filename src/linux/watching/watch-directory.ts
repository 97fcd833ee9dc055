import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../constants.ts";
import { descriptorPath } from "../files/descriptors.ts";
import { DirHandle } from "../files/dir-handle.ts";
import { check, libc } from "../libc.ts";
import { cString } from "../paths.ts";
import { callSafely, IN_CLOSE_WRITE, IN_CREATE, IN_MOVED_TO, IN_ONLYDIR, inotify } from "./inotify.ts";

const EVENTS = IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR;

/**
 * Tells the names of entries that appear in a directory: when made or moved in, and again when a writer closed the
 * file. A name may be told more than once and its file be gone already, but each is told: where the kernel's queue
 * overflowed, all names there are. Whoever wants those from before lists the directory *after* this returned.
 */
export function watchDirectory(path: string, onName: (name: string) => void): Disposable {
  const fd = check("open", libc.openat(AT_FDCWD, cString(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), path);
  const handle = new DirHandle(fd);
  const { dev, ino } = handle.stat();
  const key = `${dev}:${ino}`;
  const known = watched.get(key);
  if (known !== undefined) {
    handle.close();
    return known.listen(onName);
  }
  try {
    const directory = new WatchedDirectory(key, handle);
    watched.set(key, directory);
    return directory.listen(onName);
  } catch (error) {
    handle.close();
    throw error;
  }
}

/** By device and inode, since inotify has one watch a directory, whatever name it was given. */
const watched = new Map<string, WatchedDirectory>();

class WatchedDirectory {
  readonly #key: string;
  readonly #handle: DirHandle;
  readonly #watch: number;
  readonly #listeners = new Set<(name: string) => void>();

  constructor(key: string, handle: DirHandle) {
    this.#key = key;
    this.#handle = handle;
    this.#watch = inotify().add(descriptorPath(handle.fd), EVENTS, {
      onEvent: (name) => this.#tell(name),
      onOverflow: () => this.#tellAll(),
    });
  }

  listen(onName: (name: string) => void): Disposable {
    const listener = (name: string) => onName(name);
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#leave(listener) };
  }

  #leave(listener: (name: string) => void): void {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
    watched.delete(this.#key);
    inotify().remove(this.#watch);
    this.#handle.close();
  }

  #tell(name: string): void {
    for (const listener of [...this.#listeners]) callSafely(() => listener(name));
  }

  #tellAll(): void {
    for (const { name } of this.#handle.entries()) this.#tell(name);
  }
}
