import type { ChainReader, SegmentChain } from "./chain.ts";

/** Keeps a container's monitor from reading what that prints until it is disposed of; `undefined` where it cannot. */
export type HoldMonitor = () => Disposable | undefined;

/** Bytes of log that nobody has read: from `most` on the monitor is held, down to `least` it goes on. */
export interface UnreadLimits {
  readonly most: number;
  readonly least: number;
}

const MEGABYTE = 1024 * 1024;
const LIMITS: UnreadLimits = { most: 256 * MEGABYTE, least: 64 * MEGABYTE };
/** What a client sends comes in many pieces: so long the monitor goes on for each of them. */
const BREATH_MS = 500;

/**
 * Slows a container down to the pace of the client in whose foreground it runs, as Docker does, whose pipes fill: a
 * monitor that does not read fills the container's own. Who only looks on slows nobody, and as long as anybody keeps up
 * nobody is slowed for the sake of another one; what a slow one has not read is kept for it then, within the backlog.
 */
export class Brake {
  readonly #chain: SegmentChain;
  readonly #hold: HoldMonitor;
  readonly #limits: UnreadLimits;
  /** Readers for whose sake it is used. */
  readonly #foreground = new Set<ChainReader>();
  #held: Disposable | undefined;
  #lifted = 0;
  /** Milliseconds of the monotonic clock. */
  #notBefore = 0;
  #on = false;
  #watching = false;

  constructor(chain: SegmentChain, hold: HoldMonitor, limits: UnreadLimits = LIMITS) {
    this.#chain = chain;
    this.#hold = hold;
    this.#limits = limits;
  }

  get isHolding(): boolean {
    return this.#held !== undefined;
  }

  /** The container runs. */
  engage(): void {
    this.#on = true;
    void this.#watch();
  }

  /** For good: the container has ended or was asked to, or the daemon ends. */
  disengage(): void {
    this.#on = false;
    this.#release();
  }

  /** The monitor has something to pass on to the container: it goes on until that is done, and for a moment longer. */
  lift(): Disposable {
    this.#lifted++;
    this.#release();
    const end = () => {
      this.#lifted--;
      this.#notBefore = performance.now() + BREATH_MS;
    };
    return { [Symbol.dispose]: end };
  }

  /** A client whose foreground the container will run in. It counts for as long as it is one of the chain's readers. */
  add(reader: ChainReader): void {
    this.#foreground.add(reader);
    void this.#watch();
  }

  /** Somebody has read on, or there is more to read. */
  check(): void {
    for (const reader of this.#foreground)
      if (!this.#chain.hasReader(reader)) this.#foreground.delete(reader);
    if (!this.#on || this.#foreground.size === 0) this.#release();
    else if (this.#held === undefined) {
      const allowed = this.#lifted === 0 && performance.now() >= this.#notBefore;
      if (allowed && this.#chain.unread() > this.#limits.most) this.#held = this.#hold();
    } else if (this.#chain.unread() <= this.#limits.least) this.#release();
  }

  #release(): void {
    this.#held?.[Symbol.dispose]();
    this.#held = undefined;
  }

  /** Costs nothing while nobody's foreground is concerned. */
  async #watch(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    while (this.#on && this.#foreground.size > 0) {
      const heard = this.#chain.bell.count;
      this.check();
      if (this.#foreground.size > 0) await this.#chain.bell.after(heard);
    }
    this.#watching = false;
    this.check();
  }
}
