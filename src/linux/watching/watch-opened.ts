import { log } from "../../lib/index.ts";
import { IN_ONLYDIR, IN_OPEN, inotify } from "./inotify.ts";

/**
 * Tells the name of each entry of a directory that is opened, also where it is only made anew by opening it. For one listener
 * a directory, and at no cost while nothing happens; what the kernel's queue could not hold is not told.
 */
export function watchOpened(path: string, onName: (name: string) => void): Disposable {
  const watch = inotify().add(path, IN_OPEN | IN_ONLYDIR, {
    onEvent: onName,
    onOverflow: () => log.warn("lost what happened in a directory", { path }),
  });
  return { [Symbol.dispose]: () => inotify().remove(watch) };
}
