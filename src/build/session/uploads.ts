import { conflict, invalidParameter, notFound } from "../../lib/index.ts";

/** How long the two requests of such a build wait for each other. */
const WAIT_MS = 30_000;
const WAITING_MAX = 100;

interface Offer {
  readonly body: AsyncIterable<Uint8Array>;
  readonly done: PromiseWithResolvers<void>;
}

/**
 * Contexts that docker's client sends by a request of their own (`docker build -` with a tar): `buildid=upload-request:<id>`, while
 * the build itself names the same id and `remote=upload-request`. Either may come first.
 */
export class Uploads {
  readonly #offers = new Map<string, Offer>();
  readonly #takers = new Map<string, (offer: Offer) => void>();

  /** Resolves when the build has read the body. @throws NotFound where no build asks for it */
  async offer(id: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    if (id === "" || this.#offers.has(id)) throw conflict(`upload ${id} is already under way`);
    if (this.#offers.size >= WAITING_MAX) throw conflict("too many uploads of build contexts");
    const offer = { body, done: Promise.withResolvers<void>() };
    const taker = this.#takers.get(id);
    if (taker !== undefined) taker(offer);
    else this.#offers.set(id, offer);
    const timer = setTimeout(() => {
      if (this.#offers.delete(id)) offer.done.reject(notFound(`no build asks for the upload ${id}`));
    }, WAIT_MS);
    const abort = () => offer.done.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      await offer.done.promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      this.#offers.delete(id);
    }
  }

  /** @throws InvalidParameter where the upload does not come */
  async *take(id: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const offer = await this.#find(id, signal);
    try {
      yield* offer.body;
    } finally {
      offer.done.resolve();
    }
  }

  async #find(id: string, signal: AbortSignal): Promise<Offer> {
    const there = this.#offers.get(id);
    this.#offers.delete(id);
    if (there !== undefined) return there;
    const { promise, resolve, reject } = Promise.withResolvers<Offer>();
    this.#takers.set(id, resolve);
    const timer = setTimeout(() => reject(invalidParameter("the build's context was not uploaded")), WAIT_MS);
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      this.#takers.delete(id);
    }
  }
}
