/** `develop.watch`: what is done when files of this machine change. */
export type { WatchEvent } from "./events.ts";
export { canWatch, projectToWatch, type Watching, type WatchOptions, watch } from "./watch.ts";
