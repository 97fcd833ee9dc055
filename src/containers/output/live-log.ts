import { statSync } from "node:fs";
import { log, messageOf } from "../../lib/index.ts";
import type { SegmentChain } from "./chain.ts";
import { Reopening } from "./reopening.ts";
import type { Segment } from "./segment.ts";

/** Calls back when a file's content has changed or its name was taken away (`watchFile` of `linux/`). */
export type WatchFile = (path: string, onChange: () => void) => Disposable;

export interface LiveLogOptions {
  readonly watchFile: WatchFile;
  /** Tells the monitor to close its log and to begin a new one under the same name. */
  readonly reopen: () => Promise<void>;
}

/** Milliseconds between two looks at the size of a log that grows. */
const SHORTEST_LOOK = 4;
const LONGEST_LOOK = 50;
/** How long and how often the size is looked at until the watch has rested. */
const PEEK_INTERVAL = 1;
const PEEKS = 5;
/** The monitor answers within its next turn, some tenths of a millisecond. */
const FIRST_LOOK_FOR_NEW_FILE = 1;
/**
 * Watches the log of a running container: rotates it when it is full, and wakes its readers when there is more.
 *
 * The kernel tells of changes, so an idle container costs nothing. A busy one without readers would wake the daemon for each
 * line; for it the watch is put down, and the size looked at every few milliseconds (the sooner, the faster it fills) until
 * it stands still again.
 */
export class LiveLog {
  readonly #chain: SegmentChain;
  readonly #options: LiveLogOptions;
  #watch: { readonly segment: Segment; readonly watch: Disposable } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastSize = 0;
  #lastLook = 0;
  /** A rotation that is under way. */
  #reopening: Reopening | undefined;
  #looksForNewFile = 0;
  #peekTimer: ReturnType<typeof setTimeout> | undefined;
  #peeksLeft = 0;
  #peekedSize = 0;
  #stopped = false;

  constructor(chain: SegmentChain, options: LiveLogOptions) {
    this.#chain = chain;
    this.#options = options;
    chain.onReaders = () => this.#look();
    this.#look();
  }

  /** Nothing is rotated and nobody is woken any more. */
  stop(): void {
    this.#stopped = true;
    this.#chain.onReaders = () => {};
    clearTimeout(this.#timer);
    clearTimeout(this.#peekTimer);
    this.#unwatch();
  }

  #changed(): void {
    this.#chain.bell.ring();
    if (this.#chain.isRead) this.#peek(PEEKS);
    if (this.#timer !== undefined) return;
    if (!this.#chain.isRead) this.#unwatch();
    this.#lookIn(SHORTEST_LOOK);
  }

  /**
   * After it told of a change, the watch rests for some milliseconds. Whoever types gets an echo at once, but must not wait
   * for the answer that comes right behind it: while somebody reads, the size is looked at in between.
   */
  #peek(times: number): void {
    this.#peeksLeft = times;
    this.#peekTimer ??= setTimeout(() => {
      this.#peekTimer = undefined;
      const size = this.#chain.live?.size() ?? 0;
      const grown = size !== this.#peekedSize;
      this.#peekedSize = size;
      if (grown) this.#chain.bell.ring();
      if (this.#chain.isRead && this.#peeksLeft > 1) this.#peek(grown ? PEEKS : this.#peeksLeft - 1);
    }, PEEK_INTERVAL);
  }

  #lookIn(milliseconds: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#look();
    }, milliseconds);
  }

  #look(): void {
    if (this.#stopped) return;
    try {
      this.#lookAt(this.#chain.adoptLive()?.size);
    } catch (error) {
      log.error("cannot rotate a container's log", { path: this.#chain.path, error: messageOf(error) });
      this.#lookIn(1000);
    }
  }

  #lookAt(size: number | undefined): void {
    if (size === undefined) this.#lookForNewFile();
    else if (size >= this.#chain.limits.maxSize) this.#rotate();
    else this.#keepWatching(size);
  }

  #keepWatching(size: number): void {
    this.#reopening = undefined;
    const grown = size - this.#lastSize;
    const elapsed = Math.max(1, performance.now() - this.#lastLook);
    this.#lastSize = size;
    this.#lastLook += elapsed;
    const { maxSize } = this.#chain.limits;
    const watched = this.#chain.isRead || grown <= 0;
    if (watched) this.#watchLive(size);
    else this.#unwatch();
    if (grown > 0 && maxSize !== Number.POSITIVE_INFINITY) {
      this.#lookIn(clamp((maxSize - size) / (grown / elapsed) / 2, SHORTEST_LOOK, LONGEST_LOOK));
    }
  }

  #rotate(): void {
    this.#chain.rotate();
    this.#lastSize = 0;
    this.#looksForNewFile = 0;
    this.#reopening = Reopening.begin(this.#options.reopen, () => this.#lastSegmentSize());
    this.#lookIn(FIRST_LOOK_FOR_NEW_FILE);
  }

  /** A rotation is under way, perhaps one that the last daemon began: the monitor has not begun the new file. */
  #lookForNewFile(): void {
    this.#reopening ??= Reopening.resume(this.#options.reopen, () => this.#lastSegmentSize());
    this.#reopening.check();
    this.#looksForNewFile++;
    this.#lookIn(Math.min(FIRST_LOOK_FOR_NEW_FILE * 2 ** this.#looksForNewFile, LONGEST_LOOK));
  }

  #lastSegmentSize(): number {
    const path = this.#chain.last?.path;
    return path === undefined ? 0 : (statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  }

  #watchLive(size: number): void {
    const segment = this.#chain.live;
    if (segment === undefined || this.#watch?.segment === segment) return;
    if (this.#chain.limits.maxSize === Number.POSITIVE_INFINITY && !this.#chain.isRead) return;
    this.#unwatch();
    this.#watch = { segment, watch: this.#options.watchFile(segment.path, () => this.#changed()) };
    // What was written before the watch was set has told nobody.
    if ((statSync(segment.path, { throwIfNoEntry: false })?.size ?? 0) !== size) this.#changed();
  }

  #unwatch(): void {
    this.#watch?.watch[Symbol.dispose]();
    this.#watch = undefined;
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
