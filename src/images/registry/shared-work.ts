/** Work that is under way, and who waits for it. */
interface Running<T, News> {
  readonly done: Promise<T>;
  readonly abort: AbortController;
  readonly listeners: Set<(news: News) => void>;
  last: News | undefined;
  waiting: number;
}

/**
 * The same work wanted by several at once is done once: each hears of its progress, each gets its own share of the result,
 * and it is given up when the last one has left.
 */
export class SharedWork<T extends Disposable, News> {
  readonly #running = new Map<string, Running<T, News>>();
  /** Makes one more of a result, for one who waits; the first is disposed of when all have theirs. */
  readonly #share: (result: T) => T;

  constructor(share: (result: T) => T) {
    this.#share = share;
  }

  /**
   * @param work begins only where the same is not under way
   * @throws what the work failed with, or the signal's reason
   */
  async run(
    key: string,
    signal: AbortSignal,
    tell: (news: News) => void,
    work: (tell: (news: News) => void, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    // Nobody wanted it a moment ago, and it is ending: its files are not free before.
    for (let ending = this.#running.get(key); ending?.abort.signal.aborted; ending = this.#running.get(key))
      await ending.done.catch(() => {});
    const joined = this.#running.get(key);
    const running = joined ?? this.#start(key, work);
    running.waiting++;
    running.listeners.add(tell);
    if (running.last !== undefined) tell(running.last);
    try {
      return this.#share(await unlessAborted(running.done, signal));
    } catch (error) {
      // The other's failure need not be ours: it may have asked another registry, or as somebody else.
      if (joined === undefined || signal.aborted) throw error;
    } finally {
      running.listeners.delete(tell);
      if (--running.waiting === 0) this.#leave(running);
    }
    return await this.run(key, signal, tell, work);
  }

  #start(
    key: string,
    work: (tell: (news: News) => void, signal: AbortSignal) => Promise<T>,
  ): Running<T, News> {
    const abort = new AbortController();
    const listeners = new Set<(news: News) => void>();
    const tell = (news: News) => {
      running.last = news;
      for (const listener of listeners) listener(news);
    };
    const done = Promise.resolve()
      .then(() => work(tell, abort.signal))
      .finally(() => this.#running.delete(key));
    const running: Running<T, News> = { done, abort, listeners, last: undefined, waiting: 0 };
    this.#running.set(key, running);
    return running;
  }

  #leave({ done, abort }: Running<T, News>): void {
    abort.abort(new Error("nobody waits for it any more"));
    void done.then(
      (result) => result[Symbol.dispose](),
      () => {},
    );
  }
}

/** @throws the signal's reason as soon as it aborts, whatever becomes of the promise */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
