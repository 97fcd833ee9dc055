import { VERSION } from "../lib/index.ts";
import { tlsOfHost } from "./certificates.ts";
import type { Patience, ProxySettings } from "./config.ts";
import { connectionError, RegistryError, withoutSecrets } from "./errors.ts";
import { proxyFor } from "./proxies.ts";

const REDIRECTS_MAX = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Of an error's body; what is beyond is not looked at. */
export const ERROR_BYTES_MAX = 64 << 10;
export const USER_AGENT = `berth/${VERSION}`;

export interface TransportOptions {
  readonly certificates: string;
  readonly proxies: ProxySettings;
  readonly patience: Patience;
}

/** A function makes the body anew each time that the request is sent, in pieces that need only hold until the next. */
export type RequestBody = Uint8Array | string | (() => AsyncIterable<Uint8Array>);

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody | undefined;
  /** For the first address only; another host never sees it. */
  readonly authorization?: string | undefined;
  readonly signal: AbortSignal;
  /** The host may speak plain http, and may have any certificate. */
  readonly insecure: boolean;
  /** Longer than the usual patience: a registry that has taken a large body may look at all of it before it answers. */
  readonly answerMs?: number;
}

/** An answer whose head is here. Read its body, or cancel it. */
export interface HttpAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  /** Where it came from in the end. */
  readonly url: URL;
  readonly body: AnswerBody;
}

/** Sends single requests: certificates, proxies, redirects and time-outs. Decides nothing about registries. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /**
   * Follows redirects of GET and HEAD. `Authorization` goes to the origin that was asked for and nowhere else, a
   * redirect never leads from https to http (unless the host is insecure), and credentials in an address are refused.
   * @throws RegistryError where no answer comes; the signal's reason
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    let { url } = request;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#exchange(request, url);
      const location = answer.headers.get("location");
      const mayFollow = request.method === "GET" || request.method === "HEAD";
      if (!REDIRECTS.has(answer.status) || location === null || !mayFollow) return answer;
      await answer.body.cancel();
      if (redirects >= REDIRECTS_MAX) throw refused(request, url, `stopped after ${REDIRECTS_MAX} redirects`);
      url = redirectTarget(request, url, location);
    }
  }

  async #exchange(request: HttpRequest, url: URL): Promise<HttpAnswer> {
    const { method, signal, body, authorization, insecure } = request;
    const { certificates, proxies, patience } = this.#options;
    const answerMs = request.answerMs ?? patience.answerMs;
    const watch = new Watch(signal, answerMs);
    const isOwnHost = url.origin === request.url.origin;
    const proxy = proxyFor(url, proxies);
    const headers: Record<string, string> = {
      "User-Agent": USER_AGENT,
      // Content has the digest that it has as it is stored.
      "Accept-Encoding": "identity",
      ...request.headers,
      ...(authorization !== undefined && isOwnHost ? { Authorization: authorization } : {}),
    };
    try {
      const response = await fetch(url.href, {
        method,
        headers,
        body: typeof body === "function" ? watched(body(), watch, answerMs) : (body ?? null),
        redirect: "manual",
        signal: watch.signal,
        decompress: false,
        // Ours, or none; not what Bun would find in the environment.
        proxy: proxy ?? false,
        timeout: false,
        ...(url.protocol === "https:" ? { tls: tlsOfHost(certificates, url.host, !insecure) } : {}),
      } as RequestInit);
      watch.pause();
      const { status, statusText, headers: received } = response;
      return {
        status,
        statusText,
        headers: received,
        url,
        body: new AnswerBody(method === "HEAD" ? undefined : response, watch, patience.idleMs, (error) =>
          connectionError(method, url, watch.reason(error)),
        ),
      };
    } catch (error) {
      watch.pause();
      signal.throwIfAborted();
      throw error instanceof RegistryError ? error : connectionError(method, url, watch.reason(error));
    }
  }
}

function refused({ method }: HttpRequest, url: URL, reason: string): RegistryError {
  return new RegistryError(
    `${method[0]}${method.slice(1).toLowerCase()} "${withoutSecrets(url)}": ${reason}`,
    {
      status: 0,
    },
  );
}

function redirectTarget(request: HttpRequest, from: URL, location: string): URL {
  if (!URL.canParse(location, from.href)) throw refused(request, from, "redirected to what is no address");
  const to = new URL(location, from);
  if (to.protocol !== "https:" && to.protocol !== "http:") {
    throw refused(request, from, `redirected to ${to.protocol}, which is refused`);
  }
  if (from.protocol === "https:" && to.protocol === "http:" && !request.insecure) {
    throw refused(request, from, "redirected from https to http, which is refused");
  }
  if (to.username !== "" || to.password !== "") {
    throw refused(request, from, "redirected to an address with credentials, which is refused");
  }
  return to;
}

/** A body that goes out slowly is no reason to give up for as long as it goes. */
async function* watched(
  body: AsyncIterable<Uint8Array>,
  watch: Watch,
  ms: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of body) {
    watch.expect(ms);
    yield chunk;
  }
  watch.expect(ms);
}

/** Ends a request that is given up, or of which nothing was heard for too long. */
class Watch {
  readonly #abort = new AbortController();
  readonly #outer: AbortSignal;
  readonly #onAbort = () => this.#abort.abort(this.#outer.reason);
  #timer: NodeJS.Timeout | undefined;
  #timedOut = false;

  constructor(outer: AbortSignal, ms: number) {
    this.#outer = outer;
    if (outer.aborted) this.#onAbort();
    outer.addEventListener("abort", this.#onAbort, { once: true });
    this.expect(ms);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  expect(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timedOut = true;
      this.#abort.abort();
    }, ms);
  }

  /** Time that we take ourselves does not count. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  close(): void {
    this.pause();
    this.#outer.removeEventListener("abort", this.#onAbort);
  }

  reason(error: unknown): unknown {
    return this.#timedOut ? Object.assign(new Error("i/o timeout"), { code: "ETIMEDOUT" }) : error;
  }

  cancel(): void {
    this.close();
    this.#abort.abort();
  }

  throwIfGivenUp(): void {
    this.#outer.throwIfAborted();
  }
}

/** The body of one answer, as it comes; no faster than it is read. Can be read once. */
export class AnswerBody {
  readonly #response: Response | undefined;
  readonly #watch: Watch;
  readonly #idleMs: number;
  readonly #toError: (error: unknown) => RegistryError;

  constructor(
    response: Response | undefined,
    watch: Watch,
    idleMs: number,
    toError: (error: unknown) => RegistryError,
  ) {
    this.#response = response;
    this.#watch = watch;
    this.#idleMs = idleMs;
    this.#toError = toError;
  }

  /** @throws RegistryError where the connection breaks or nothing comes for too long */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = this.#response?.body?.getReader();
    let whole = reader === undefined;
    try {
      while (reader !== undefined) {
        this.#watch.expect(this.#idleMs);
        const { done, value } = await reader.read();
        this.#watch.pause();
        whole = done;
        if (done) return;
        yield value;
      }
    } catch (error) {
      this.#watch.throwIfGivenUp();
      throw this.#toError(error);
    } finally {
      if (whole) this.#watch.close();
      else this.#watch.cancel();
    }
  }

  /** All of it. @throws RegistryError where there is more than `max` bytes */
  async bytes(max: number, what: string): Promise<Uint8Array> {
    const { bytes, isWhole } = await this.#first(max);
    if (!isWhole) throw new RegistryError(`${what} is larger than ${max} bytes`, {});
    return bytes;
  }

  /** The beginning, as text: for errors. Never fails. */
  async head(): Promise<string> {
    const { bytes } = await this.#first(ERROR_BYTES_MAX).catch(() => ({ bytes: new Uint8Array() }));
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  }

  async #first(max: number): Promise<{ bytes: Uint8Array; isWhole: boolean }> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of this) {
      length += chunk.length;
      chunks.push(chunk);
      if (length > max) return { bytes: Buffer.concat(chunks).subarray(0, max), isWhole: false };
    }
    return { bytes: Buffer.concat(chunks), isWhole: true };
  }

  /** Nobody wants it: the connection is closed where something would still come. */
  async cancel(): Promise<void> {
    const length =
      this.#response === undefined ? 0 : Number(this.#response.headers.get("content-length") ?? "x");
    // A short one is read, so that the connection can be used again.
    if (length <= ERROR_BYTES_MAX) await this.head();
    else this.#watch.cancel();
  }
}
