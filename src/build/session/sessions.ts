import type { Duplex } from "node:stream";
import { METHODS } from "../../lib/buildkit/index.ts";
import { conflict, invalidParameter, log, messageOf, notFound, unavailable } from "../../lib/index.ts";
import { GrpcChannel } from "./grpc-channel.ts";
import { Session, type SessionFacts } from "./session.ts";

/** How long a build waits for its client to open the session that it named, as BuildKit does. */
const WAIT_MS = 5_000;
const SESSIONS_MAX = 1_000;
const HEALTH_EVERY_MS = 10_000;
const HEALTH_TIMEOUT_MS = 20_000;
/** Unanswered calls after each other by which a client is given up. */
const HEALTH_MISSES = 2;

/** The sessions that clients hold open, by their id. */
export class Sessions implements Disposable {
  readonly #open = new Map<string, Session>();
  readonly #waiting = new Map<string, Set<(session: Session) => void>>();

  /** @throws InvalidParameter, Conflict: before the connection is answered */
  check({ id }: SessionFacts): void {
    if (!/^[A-Za-z0-9_.:-]{1,128}$/.test(id)) throw invalidParameter("invalid session id");
    if (this.#open.has(id)) throw conflict(`session ${id} already exists`);
    if (this.#open.size >= SESSIONS_MAX) throw unavailable("too many open build sessions");
  }

  /** Takes a connection over. Resolves when it has ended, which it does with the connection. */
  async accept(facts: SessionFacts, socket: Duplex): Promise<void> {
    this.check(facts);
    const channel = new GrpcChannel(socket);
    const session = new Session(facts, channel);
    this.#open.set(facts.id, session);
    for (const resolve of this.#waiting.get(facts.id) ?? []) resolve(session);
    const health = watchHealth(session, channel);
    try {
      await channel.closed;
    } finally {
      clearInterval(health);
      this.#open.delete(facts.id);
    }
  }

  /**
   * The session of this id, which its client may be about to open.
   * @throws NotFound where it does not come; the signal's reason
   */
  async find(id: string, signal: AbortSignal, waitMs = WAIT_MS): Promise<Session> {
    const open = this.#open.get(id);
    if (open !== undefined) return open;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Session>();
    const abort = () => reject(signal.reason);
    const late = () => reject(notFound(`no active session for ${id}: context deadline exceeded`));
    const timer = setTimeout(late, waitMs);
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting.add(resolve));
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      waiting.delete(resolve);
      if (waiting.size === 0) this.#waiting.delete(id);
    }
  }

  /** For `describe` of a living daemon. */
  get size(): number {
    return this.#open.size;
  }

  [Symbol.dispose](): void {
    for (const session of this.#open.values()) session.close();
  }
}

/** A client behind a network that broke would otherwise be waited for without end. */
function watchHealth(session: Session, channel: GrpcChannel): Timer | undefined {
  if (!session.supports(METHODS.health)) return undefined;
  let misses = 0;
  let asking = false;
  const timer = setInterval(async () => {
    if (asking) return;
    asking = true;
    try {
      await channel.unary(METHODS.health, new Uint8Array(0), { timeoutMs: HEALTH_TIMEOUT_MS });
      misses = 0;
    } catch (error) {
      misses++;
      log.debug("a session's client did not answer", { id: session.facts.id, error: messageOf(error) });
      if (misses >= HEALTH_MISSES) session.close();
    } finally {
      asking = false;
    }
  }, HEALTH_EVERY_MS);
  timer.unref();
  return timer;
}
