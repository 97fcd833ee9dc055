import { log, messageOf } from "../../lib/index.ts";
import type { Position, SegmentChain } from "./chain.ts";
import { LineAssembler } from "./drivers/lines.ts";
import type { LogLine, Sink } from "./drivers/sink.ts";
import { forgetProgress, loadProgress, saveProgress } from "./forward-progress.ts";
import { beginningOf, endOf } from "./positions.ts";
import { SegmentReader } from "./reader.ts";

/** How long a batch that is on its way may still take when the daemon stops. */
const PATIENCE_MS = 500;

/**
 * Sends what a container prints to a log server, from the segments: the container never waits for the server, and what the server
 * has not taken yet is kept (up to the backlog) while it is away, also over a restart of the daemon. The place that was
 * reached is written down after each batch, so a daemon that crashes sends at most one batch twice.
 */
export class Forwarder {
  readonly #chain: SegmentChain;
  readonly #sink: Sink;
  /** Where the place that was reached is written down. */
  readonly #progressPath: string;
  readonly #stopping = new AbortController();
  #lines = new LineAssembler();
  #running: Promise<void> | undefined;
  /** The container was started again before all of its last run was sent. */
  #again = false;

  constructor(chain: SegmentChain, sink: Sink, progressPath: string) {
    this.#chain = chain;
    this.#sink = sink;
    this.#progressPath = progressPath;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /**
   * A container is about to start.
   * @throws where the server does not answer, unless it may stay away
   */
  async begin(): Promise<void> {
    if (this.isRunning) {
      this.#again = true;
      return;
    }
    try {
      await this.#sink.connect();
    } catch (error) {
      if (this.#sink.optional !== true) throw error;
    }
    this.resume();
  }

  /** Goes on where it was, or at the end of what there is. */
  resume(): void {
    const { position, open } = loadProgress(this.#progressPath, this.#chain) ?? {
      position: endOf(this.#chain),
      open: [],
    };
    this.#lines = new LineAssembler(open);
    this.#running = this.#run(position);
  }

  /** What was not sent is left for later. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    // A server that takes nothing must not hold up the daemon's end.
    const timer = setTimeout(() => this.#sink.abort(), PATIENCE_MS);
    await this.#running;
    clearTimeout(timer);
  }

  async #run(from: Position): Promise<void> {
    let position = from;
    do {
      this.#again = false;
      try {
        position = await this.#forward(this.#stillThere(position));
      } catch (error) {
        // A container that is removed takes its files away at once.
        if (!this.#stopping.signal.aborted) this.#complain("cannot forward a container's output", error);
      }
    } while (this.#again && !this.#stopping.signal.aborted);
    // With the decision, so that nobody waits for one that has ended.
    this.#running = undefined;
    this.#sink.close();
    // A log that is not kept is deleted with its run: there is nothing to go on with.
    if (!this.#chain.segments.includes(position.segment)) forgetProgress(this.#progressPath);
  }

  /** Between two runs nobody keeps the segment of the first one's end. */
  #stillThere(position: Position): Position {
    if (this.#chain.segments.includes(position.segment)) return position;
    return beginningOf(this.#chain) ?? endOf(this.#chain);
  }

  /** Until the end of the run, or until it is stopped. @returns The place that was reached. */
  async #forward(from: Position): Promise<Position> {
    const reader = new SegmentReader(this.#chain, { from, whenOverrun: "skip" });
    const stop = () => reader.close();
    this.#stopping.signal.addEventListener("abort", stop, { once: true });
    if (this.#stopping.signal.aborted) stop();
    try {
      saveProgress(this.#progressPath, from, this.#lines.open());
      for (;;) {
        const block = await reader.next();
        if (block === undefined) break;
        if (!(await this.#send(this.#lines.lines(block), reader.position))) return from;
      }
      if (!this.#stopping.signal.aborted) await this.#send(this.#lines.rest(), reader.position);
      return reader.position;
    } finally {
      this.#stopping.signal.removeEventListener("abort", stop);
      reader.close();
    }
  }

  /** Tries until the lines are taken. @returns false where it was stopped before. */
  async #send(lines: readonly LogLine[], reached: Position): Promise<boolean> {
    const { first, longest, attempts } = this.#sink.retry;
    let wait = first;
    for (let attempt = 0; lines.length > 0; attempt++) {
      try {
        await this.#sink.send(lines);
        break;
      } catch (error) {
        if (this.#stopping.signal.aborted) return false;
        if (attempt === 0) this.#complain("a log server does not take a container's output", error);
        if (attempt >= attempts) {
          this.#complain("lines are dropped since a log server does not take them", error);
          break;
        }
      }
      await sleep(wait, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return false;
      wait = Math.min(wait * 1.5, longest);
    }
    saveProgress(this.#progressPath, reached, this.#lines.open());
    return true;
  }

  #complain(message: string, error: unknown): void {
    log.warn(message, { path: this.#chain.path, error: messageOf(error) });
  }
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done, { once: true });
  });
}
