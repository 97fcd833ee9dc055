import { type Digest, digestOf, isDigest, kindOf, log, messageOf } from "../lib/index.ts";
import type { Patience } from "./config.ts";
import type { EndpointClient } from "./endpoint-client.ts";
import type { RepositoryName } from "./endpoints.ts";
import { connectionError, errorOfAnswer, RegistryError } from "./errors.ts";
import {
  type Descriptor,
  type LayerDescriptor,
  MANIFEST_BYTES_MAX,
  type Manifest,
  parseManifest,
} from "./manifests/manifest.ts";
import { ACCEPT } from "./manifests/media-types.ts";
import { isTemporary, pause, waitBefore, withRetries } from "./retry.ts";
import { pullScope } from "./scopes.ts";
import type { HttpAnswer, Transport } from "./transport.ts";

export interface RemoteOptions {
  readonly transport: Transport;
  readonly patience: Patience;
  readonly attempts: number;
}

/** A mirror is only a shortcut: who doesn't answer there is not waited for long. */
const MIRROR_ATTEMPTS = 2;
/** So much in one go is progress, after which failures are counted anew. */
const PROGRESS_BYTES = 1 << 20;
const TAGS_BYTES_MAX = 8 << 20;
const TAGS_MAX = 100_000;
const TAG_PAGES_MAX = 1000;
const TAG = /^\w[\w.-]{0,127}$/;

/** A repository as a registry and its mirrors have it, for one user. */
export class RemoteRepository {
  readonly name: RepositoryName;
  readonly #clients: readonly EndpointClient[];
  readonly #options: RemoteOptions;
  /** Who gave the last manifest has its content, too. */
  #preferred: EndpointClient | undefined;

  constructor(name: RepositoryName, clients: readonly EndpointClient[], options: RemoteOptions) {
    this.name = name;
    this.#clients = clients;
    this.#options = options;
  }

  /**
   * What a tag or a digest names. By digest it is what was asked for, or an error.
   * @throws RegistryError; InvalidParameter for what is no manifest
   */
  manifest(reference: string, signal: AbortSignal): Promise<Manifest> {
    return this.#anywhere(signal, async (client) => {
      const answer = await client.request({
        method: "GET",
        target: `/v2/${this.name.path}/manifests/${reference}`,
        headers: { Accept: ACCEPT },
        scopes: [pullScope(this.name.path)],
        signal,
        accept: [200],
      });
      const bytes = await answer.body.bytes(MANIFEST_BYTES_MAX, "the manifest");
      if (isDigest(reference) && digestOf(bytes) !== reference) {
        throw new RegistryError(`manifest verification failed for digest ${reference}`, {});
      }
      const manifest = parseManifest(bytes, answer.headers.get("content-type") ?? "");
      const promised = answer.headers.get("docker-content-digest");
      if (promised !== null && isDigest(promised) && promised !== manifest.digest) {
        throw new RegistryError(`manifest verification failed for digest ${promised}`, {});
      }
      this.#preferred = client;
      return manifest;
    });
  }

  /** Which digest a tag points at, where the registry tells it without the manifest: that costs nobody's allowance. */
  async digestOf(tag: string, signal: AbortSignal): Promise<Digest | undefined> {
    return await this.#anywhere(signal, async (client) => {
      const answer = await client.request({
        method: "HEAD",
        target: `/v2/${this.name.path}/manifests/${tag}`,
        headers: { Accept: ACCEPT },
        scopes: [pullScope(this.name.path)],
        signal,
        accept: [200],
      });
      await answer.body.cancel();
      const digest = answer.headers.get("docker-content-digest");
      return digest !== null && isDigest(digest) ? digest : undefined;
    });
  }

  /** All tags, page by page. */
  tags(signal: AbortSignal): Promise<string[]> {
    return this.#anywhere(signal, async (client) => {
      const tags = new Set<string>();
      let target: string | URL | undefined = `/v2/${this.name.path}/tags/list`;
      for (let page = 0; target !== undefined; page++) {
        if (page >= TAG_PAGES_MAX || tags.size > TAGS_MAX)
          throw new RegistryError("it has too many tags", {});
        const scopes = [pullScope(this.name.path)];
        const answer: HttpAnswer = await client.request({
          method: "GET",
          target,
          scopes,
          signal,
          accept: [200],
        });
        for (const tag of readTags(await answer.body.bytes(TAGS_BYTES_MAX, "the list of tags")))
          tags.add(tag);
        target = nextPage(answer);
      }
      return [...tags];
    });
  }

  /** A small blob, whole and verified. @throws RegistryError where it is not what its descriptor says */
  async bytes(descriptor: Descriptor, max: number, signal: AbortSignal): Promise<Uint8Array> {
    if (descriptor.size > max)
      throw new RegistryError(`${descriptor.digest} is larger than ${max} bytes`, {});
    const bytes = Buffer.concat(await Array.fromAsync(this.blob(descriptor, 0, signal)));
    if (digestOf(bytes) !== descriptor.digest) throw verificationFailed(descriptor.digest);
    return bytes;
  }

  /**
   * A blob from a byte on, as it comes; a dropped connection is taken up where it broke. Never more than the descriptor
   * says. Its digest is for the receiver to verify.
   * @throws RegistryError
   */
  async *blob(
    descriptor: Descriptor & Partial<Pick<LayerDescriptor, "urls">>,
    from: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { size } = descriptor;
    const sources = this.#sources(descriptor, signal);
    let source = sources.shift()!;
    let at = from;
    let failures = 0;
    let lastFailureAt = at;
    while (at < size) {
      try {
        for await (const chunk of piecesFrom(await source(at), at, size)) {
          at += chunk.length;
          if (at > size) throw tooLong(descriptor.digest, size);
          yield chunk;
        }
        if (at < size) {
          const ended = `${descriptor.digest}: unexpected EOF`;
          throw new RegistryError(ended, { isTemporary: true }, { kind: "Unavailable" });
        }
      } catch (error) {
        signal.throwIfAborted();
        if (at - lastFailureAt >= PROGRESS_BYTES) failures = 0;
        lastFailureAt = at;
        if (isTemporary(error) && ++failures < this.#options.attempts) {
          log.debug("a download breaks off", { digest: descriptor.digest, at, error: messageOf(error) });
          await pause(waitBefore(failures, error, this.#options.patience), signal);
          continue;
        }
        const next = sources.shift();
        if (next === undefined) throw error;
        source = next;
        failures = 0;
      }
    }
  }

  /** Where a blob may be had, the best place first. */
  #sources(
    { digest, urls = [] }: Descriptor & { readonly urls?: readonly string[] },
    signal: AbortSignal,
  ): ((at: number) => Promise<HttpAnswer>)[] {
    const rangeOf = (at: number) => (at === 0 ? {} : { headers: { Range: `bytes=${at}-` } });
    const own = this.#ordered().map(
      (client) => (at: number) =>
        client.request({
          method: "GET",
          target: `/v2/${this.name.path}/blobs/${digest}`,
          scopes: [pullScope(this.name.path)],
          signal,
          accept: [200, 206],
          ...rangeOf(at),
        }),
    );
    const elsewhere = urls.map((text) => async (at: number) => {
      const url = foreignAddress(text);
      const { transport } = this.#options;
      const answer = await transport.send({ method: "GET", url, signal, insecure: false, ...rangeOf(at) });
      if (answer.status === 200 || answer.status === 206) return answer;
      throw errorOfAnswer(answer.status, answer.statusText, await answer.body.head());
    });
    return [...own, ...elsewhere];
  }

  #ordered(): EndpointClient[] {
    const preferred = this.#preferred;
    if (preferred === undefined) return [...this.#clients];
    return [preferred, ...this.#clients.filter((client) => client !== preferred)];
  }

  /** Asks one place after another; what a mirror says no to, the next may have. */
  async #anywhere<T>(signal: AbortSignal, ask: (client: EndpointClient) => Promise<T>): Promise<T> {
    const { patience, attempts } = this.#options;
    for (const client of this.#clients) {
      const { isMirror, host } = client.endpoint;
      const most = isMirror ? Math.min(MIRROR_ATTEMPTS, attempts) : attempts;
      try {
        return await withRetries({ attempts: most, patience, signal }, () => ask(client));
      } catch (error) {
        signal.throwIfAborted();
        if (!isMirror) throw error;
        log.debug("a mirror does not have it", { host, kind: kindOf(error), error: messageOf(error) });
      }
    }
    throw new RegistryError(`no registry is configured for ${this.name.domain}/${this.name.path}`, {});
  }
}

/** Docker's words for content that is not what it was said to be. */
export function verificationFailed(digest: Digest): RegistryError {
  const message = `filesystem layer verification failed for digest ${digest}`;
  return new RegistryError(message, {}, { kind: "InvalidParameter" });
}

const tooLong = (digest: Digest, size: number) =>
  new RegistryError(
    `${digest}: the registry sends more than the ${size} bytes that the manifest says`,
    {},
    { kind: "InvalidParameter" },
  );

/** The pieces of an answer that begin at a byte of the content; a registry that knows no ranges sends all of it. */
async function* piecesFrom(
  answer: HttpAnswer,
  at: number,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (answer.status === 206) checkRange(answer, at);
  let skip = answer.status === 206 ? 0 : at;
  let left = size - at + 1;
  for await (const chunk of answer.body) {
    const skipped = Math.min(skip, chunk.length);
    skip -= skipped;
    // One byte too many tells that there is more than there should be, however much more that is.
    const piece = chunk.subarray(skipped, skipped + left);
    left -= piece.length;
    if (piece.length > 0) yield piece;
  }
}

/** RFC 9110, 14.4: `bytes 100-199/200`. */
function checkRange({ headers, url }: HttpAnswer, at: number): void {
  const start = /^bytes (\d+)-/.exec(headers.get("content-range") ?? "")?.[1];
  if (start !== undefined && Number(start) === at) return;
  throw connectionError("GET", url, new Error("the answer is another range than was asked for"));
}

/** @throws RegistryError: a manifest's author must not make the engine ask what it would not ask by itself */
function foreignAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" && url.username === "" && url.password === "") return url;
  throw new RegistryError(`a layer's address is refused: ${JSON.stringify(text.slice(0, 200))}`, {});
}

function readTags(bytes: Uint8Array): string[] {
  let json: { tags?: unknown };
  try {
    json = JSON.parse(Buffer.from(bytes).toString("utf8")) as { tags?: unknown };
  } catch {
    throw new RegistryError("the list of tags is no JSON", {});
  }
  const tags: unknown = json?.tags ?? [];
  if (!Array.isArray(tags)) throw new RegistryError("the list of tags is malformed", {});
  return tags.filter((tag): tag is string => typeof tag === "string" && TAG.test(tag));
}

/** `Link: </v2/x/tags/list?n=100&last=b>; rel="next"` (OCI distribution-spec, "Listing Tags"). */
function nextPage({ headers, url }: HttpAnswer): URL | undefined {
  const target = /<([^>]*)>\s*;[^,]*rel="?next"?/.exec(headers.get("link") ?? "")?.[1];
  if (target === undefined || !URL.canParse(target, url.href)) return undefined;
  return new URL(target, url.href);
}
