import { log, messageOf } from "../../lib/index.ts";

/**
 * A log that has grown by this much since the command lay in the monitor's fifo shows that it was lost (conmon 2.1 forgets
 * the second of two commands that it reads at once): in one turn of its loop the monitor reads its commands, and at most 8 KiB of
 * each stream (385 KiB of log, were all of it newlines).
 */
const LOST_COMMAND = 2 * 1024 * 1024;
/** When to try again what failed, or what another daemon may or may not have done. */
const RETRY_MS = 1000;

/**
 * Has the monitor begin a new log file in place of one that was renamed. It must not be told twice: the second time it would
 * put yet another file in the new one's place, and what it wrote in between would be gone. So it is told again only when it is
 * sure that it did not hear.
 */
export class Reopening {
  readonly #reopen: () => Promise<void>;
  /** Bytes of the renamed file, which the monitor goes on writing to until it has heard. */
  readonly #size: () => number;
  #telling = false;
  #sizeWhenTold: number;
  #retryAt = Number.POSITIVE_INFINITY;

  private constructor(reopen: () => Promise<void>, size: () => number) {
    this.#reopen = reopen;
    this.#size = size;
    this.#sizeWhenTold = size();
  }

  /** The file has just been renamed. */
  static begin(reopen: () => Promise<void>, size: () => number): Reopening {
    const reopening = new Reopening(reopen, size);
    void reopening.#tell();
    return reopening;
  }

  /** The last daemon renamed it; whether it came to tell the monitor nobody knows. */
  static resume(reopen: () => Promise<void>, size: () => number): Reopening {
    const reopening = new Reopening(reopen, size);
    reopening.#retryAt = performance.now() + RETRY_MS;
    return reopening;
  }

  /** To be called now and then while the new file is not there. */
  check(): void {
    if (this.#telling) return;
    const lost = this.#size() - this.#sizeWhenTold > LOST_COMMAND;
    if (lost || performance.now() >= this.#retryAt) void this.#tell();
  }

  async #tell(): Promise<void> {
    this.#telling = true;
    this.#retryAt = Number.POSITIVE_INFINITY;
    try {
      await this.#reopen();
    } catch (error) {
      // Mostly a monitor that is about to end: what it still writes goes to the renamed file, and nothing is lost.
      log.debug("the monitor did not take the command to reopen its log", { error: messageOf(error) });
      this.#retryAt = performance.now() + RETRY_MS;
    }
    // What was written before the command was in the fifo proves nothing.
    this.#sizeWhenTold = this.#size();
    this.#telling = false;
  }
}
