import { type Digest, kindOf, log, messageOf } from "../lib/index.ts";
import type { EndpointClient } from "./endpoint-client.ts";
import type { RepositoryName } from "./endpoints.ts";
import { RegistryError } from "./errors.ts";
import type { ManifestBytes } from "./manifests/manifest.ts";
import type { RemoteOptions } from "./repository.ts";
import { isTemporary, pause, waitBefore, withRetries } from "./retry.ts";
import { pullScope, pushScope } from "./scopes.ts";
import type { HttpAnswer } from "./transport.ts";

/** Content that is here. */
export interface BlobSource {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** The bytes from one on; may be called again. Pieces need only hold until the next is asked for. */
  read(from: number): AsyncIterable<Uint8Array>;
}

/** How a blob came to be there. */
export type BlobArrival =
  | { readonly how: "exists" }
  | { readonly how: "mounted"; readonly from: string }
  | { readonly how: "uploaded" };

/** An upload whose content was still being made when it began. */
export interface BegunUpload {
  /** Where it goes on, if it got that far. */
  readonly session: URL | undefined;
  /** The registry has taken all that there was. */
  readonly isWhole: boolean;
}

/** Smaller content goes in one request behind the one that opens the upload. */
const MONOLITHIC_BYTES_MAX = 1 << 20;
/** Registries over object stores copy and hash all of an upload before they answer its end. */
const FINISH_MS = 15 * 60 * 1000;
/** Places that are tried for a mount: each costs a request. */
const MOUNTS_MAX = 3;

/** One repository of a registry, to be written to. */
export class PushTarget {
  readonly name: RepositoryName;
  readonly #client: EndpointClient;
  readonly #options: RemoteOptions;

  constructor(name: RepositoryName, client: EndpointClient, options: RemoteOptions) {
    this.name = name;
    this.#client = client;
    this.#options = options;
  }

  /** Whether the repository has this content. */
  has(digest: Digest, signal: AbortSignal): Promise<boolean> {
    return this.#retry(signal, async () => {
      const answer = await this.#client.request({
        method: "HEAD",
        target: `/v2/${this.name.path}/blobs/${digest}`,
        scopes: [pushScope(this.name.path)],
        signal,
        accept: [200, 404],
      });
      await answer.body.cancel();
      return answer.status === 200;
    });
  }

  /**
   * Brings content there: it may be there already, or be mounted from a repository of the same registry that has it;
   * else it is uploaded, and after a dropped connection gone on with where the registry has got to.
   * @param elsewhere paths of repositories that may have it
   * @param progress is told how many bytes are on their way
   * @returns undefined where it is not there and we don't have it either
   */
  async put(
    blob: BlobSource | Pick<BlobSource, "digest">,
    elsewhere: readonly string[],
    progress: (sentBytes: number) => void,
    signal: AbortSignal,
  ): Promise<BlobArrival | undefined> {
    if (await this.has(blob.digest, signal)) return { how: "exists" };
    let session: URL | undefined;
    for (const from of elsewhere.slice(0, MOUNTS_MAX)) {
      const answer = await this.#retry(signal, () => this.#mount(blob.digest, from, signal)).catch(
        (error: unknown) => {
          signal.throwIfAborted();
          log.debug("a mount was refused", { digest: blob.digest, from, error: messageOf(error) });
          return undefined;
        },
      );
      if (answer?.status === 201) return { how: "mounted", from };
      // A registry that does not mount opens an upload instead.
      if (answer !== undefined) session = locationOf(answer);
      if (session !== undefined) break;
    }
    if (!("read" in blob)) return undefined;
    await this.#upload(blob, session === undefined ? undefined : { session, at: 0 }, progress, signal);
    return { how: "uploaded" };
  }

  /**
   * Sends content while it is made, before anybody knows its digest: `end` then says it. What stands against this way alone
   * is no failure: the source is not read further, and `end` goes on from where it got to.
   * @throws RegistryError where nothing may be uploaded here; the signal's reason
   */
  async begin(source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<BegunUpload> {
    let session: URL | undefined;
    let isUsed = false;
    const body = () => {
      if (isUsed) throw new RegistryError("the upload would have to begin anew", { isTemporary: true });
      isUsed = true;
      return source;
    };
    try {
      session = locationOf(await this.#open("", [pushScope(this.name.path)], signal));
      const answer = await this.#client.request({
        method: "PATCH",
        target: session,
        headers: { "Content-Type": "application/octet-stream" },
        body,
        scopes: [pushScope(this.name.path)],
        signal,
        answerMs: FINISH_MS,
        accept: [202, 204],
      });
      await answer.body.cancel();
      return { session: locationOf(answer), isWhole: true };
    } catch (error) {
      signal.throwIfAborted();
      if (kindOf(error) === "Forbidden" || kindOf(error) === "Unauthorized") throw error;
      log.debug("an upload beside the compression breaks off", { error: messageOf(error) });
      return { session, isWhole: false };
    }
  }

  /** Ends what `begin` began. */
  async end(
    begun: BegunUpload,
    blob: BlobSource,
    progress: (sentBytes: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { session, isWhole } = begun;
    if (session === undefined) return await this.#upload(blob, undefined, progress, signal);
    const opened = isWhole ? { session, at: blob.sizeBytes } : await this.#whereIs(session, signal);
    await this.#upload(blob, opened, progress, signal);
  }

  async #mount(digest: Digest, from: string, signal: AbortSignal): Promise<HttpAnswer> {
    const query = new URLSearchParams({ mount: digest, from });
    return await this.#open(`?${query}`, [pushScope(this.name.path), pullScope(from)], signal);
  }

  async #open(query: string, scopes: readonly string[], signal: AbortSignal): Promise<HttpAnswer> {
    const answer = await this.#client.request({
      method: "POST",
      target: `/v2/${this.name.path}/blobs/uploads/${query}`,
      scopes,
      signal,
      accept: query === "" ? [202] : [201, 202],
    });
    await answer.body.cancel();
    return answer;
  }

  async #upload(
    blob: BlobSource,
    opened: { readonly session: URL; readonly at: number } | undefined,
    progress: (sentBytes: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    let session = opened?.session;
    let at = Math.min(opened?.at ?? 0, blob.sizeBytes);
    for (let attempt = 1; ; attempt++) {
      try {
        session ??= locationOf(await this.#open("", [pushScope(this.name.path)], signal));
        if (at === 0 && blob.sizeBytes <= MONOLITHIC_BYTES_MAX) {
          await this.#finish(session, blob, true, signal);
          progress(blob.sizeBytes);
          return;
        }
        if (at < blob.sizeBytes) session = await this.#send(session, blob, at, progress, signal);
        at = blob.sizeBytes;
        await this.#finish(session, blob, false, signal);
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (attempt >= this.#options.attempts || !isTemporary(error)) throw error;
        log.debug("an upload breaks off", { digest: blob.digest, at, error: messageOf(error) });
        await pause(waitBefore(attempt, error, this.#options.patience), signal);
        const resumed = session === undefined ? undefined : await this.#whereIs(session, signal);
        session = resumed?.session;
        at = Math.min(resumed?.at ?? 0, blob.sizeBytes);
      }
    }
  }

  /** Sends the rest in one streamed request, as Docker does: what registries agree on best. @returns the next address */
  async #send(
    session: URL,
    blob: BlobSource,
    from: number,
    progress: (sentBytes: number) => void,
    signal: AbortSignal,
  ): Promise<URL> {
    const answer = await this.#client.request({
      method: "PATCH",
      target: session,
      headers: {
        "Content-Type": "application/octet-stream",
        "Content-Length": String(blob.sizeBytes - from),
        ...(from === 0 ? {} : { "Content-Range": `${from}-${blob.sizeBytes - 1}` }),
      },
      body: () => counted(blob.read(from), from, progress),
      scopes: [pushScope(this.name.path)],
      signal,
      answerMs: FINISH_MS,
      accept: [202, 204],
    });
    await answer.body.cancel();
    return locationOf(answer);
  }

  async #finish(session: URL, blob: BlobSource, withContent: boolean, signal: AbortSignal): Promise<void> {
    const target = new URL(session);
    target.searchParams.set("digest", blob.digest);
    const length = withContent ? blob.sizeBytes : 0;
    const answer = await this.#client.request({
      method: "PUT",
      target,
      headers: { "Content-Type": "application/octet-stream", "Content-Length": String(length) },
      body: withContent ? () => blob.read(0) : undefined,
      scopes: [pushScope(this.name.path)],
      signal,
      answerMs: FINISH_MS,
      accept: [201, 204],
    });
    await answer.body.cancel();
  }

  /** How far the registry has got; undefined where the upload has to begin anew. */
  async #whereIs(session: URL, signal: AbortSignal): Promise<{ session: URL; at: number } | undefined> {
    try {
      const answer = await this.#client.request({
        method: "GET",
        target: session,
        scopes: [pushScope(this.name.path)],
        signal,
        accept: [204],
      });
      await answer.body.cancel();
      const range = /^(?:bytes=)?0-(\d+)$/.exec(answer.headers.get("range") ?? "");
      // `0-0` is what registries say where nothing has come.
      const last = Number(range?.[1] ?? 0);
      return { session: locationOf(answer, session), at: last === 0 ? 0 : last + 1 };
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  }

  /** Stores a manifest under a tag or its digest. @throws RegistryError where the registry has then another one */
  async putManifest(manifest: ManifestBytes, reference: string, signal: AbortSignal): Promise<void> {
    await this.#retry(signal, async () => {
      const answer = await this.#client.request({
        method: "PUT",
        target: `/v2/${this.name.path}/manifests/${reference}`,
        headers: { "Content-Type": manifest.mediaType },
        body: manifest.bytes,
        scopes: [pushScope(this.name.path)],
        signal,
        answerMs: FINISH_MS,
        accept: [200, 201, 202],
      });
      await answer.body.cancel();
      const digest = answer.headers.get("docker-content-digest");
      if (digest !== null && digest !== manifest.digest) {
        throw new RegistryError(`the registry has stored another manifest (${digest}) than was sent`, {});
      }
    });
  }

  #retry<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { attempts, patience } = this.#options;
    return withRetries({ attempts, patience, signal }, work);
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  from: number,
  progress: (sentBytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let sent = from;
  for await (const bytes of source) {
    yield bytes;
    sent += bytes.length;
    progress(sent);
  }
}

/** Where an upload goes on. @throws RegistryError */
function locationOf(answer: HttpAnswer, fallback?: URL): URL {
  const location = answer.headers.get("location");
  if (location === null && fallback !== undefined) return fallback;
  if (location === null || !URL.canParse(location, answer.url.href)) {
    throw new RegistryError("the registry does not say where the upload goes on", {});
  }
  const url = new URL(location, answer.url.href);
  // A registry behind a proxy that ends TLS may not know it.
  if (url.hostname === answer.url.hostname && url.port === answer.url.port)
    url.protocol = answer.url.protocol;
  const isSafe = url.protocol === "https:" || url.protocol === answer.url.protocol;
  if (!isSafe || url.username !== "" || url.password !== "") {
    throw new RegistryError("the registry wants an upload to go where it is not safe", {});
  }
  return url;
}
