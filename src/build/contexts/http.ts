import { createHash, type Hash } from "node:crypto";
import { openSync, utimesSync, writeSync } from "node:fs";
import { join } from "node:path";
import {
  connectionFailure,
  type Digest,
  digestOf,
  invalidParameter,
  notFound,
  systemError,
  VERSION,
} from "../../lib/index.ts";
import { closeDescriptor } from "../../linux/index.ts";
import type { FetchedFile, HttpRequest } from "./contract.ts";
import type { Place, Shelf } from "./shelf.ts";
import { redactUrl } from "./urls.ts";

/** Larger downloads are refused: nobody meant them, and a server may never end. */
const BYTES_MAX = 64 * 2 ** 30;
const REDIRECTS_MAX = 10;
const ATTEMPTS = 3;
const RETRY_PAUSE_MS = 500;
/** How long a server may be silent. */
const SILENCE_MS = 60_000;

/** What is known of a file that was fetched before. */
interface Known {
  readonly etag: string;
  readonly lastModified: string;
  readonly fileName: string;
  readonly digest: string;
  readonly sizeBytes: string;
  readonly contentType: string;
}

/**
 * Fetches a file. The server is asked each time; where it says that nothing changed since the last time, the file of then
 * is taken. `http://` and `https://` only, also behind redirects; proxies as the daemon's environment says.
 * @throws NotFound, InvalidParameter for a checksum that differs, System where the network fails
 */
export async function fetchFile(
  shelf: Shelf,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<FetchedFile> {
  const url = checkedUrl(request.url);
  // The key is written down, and the address may hold a password.
  const key = `http ${request.fileName} ${digestOf(url.href)}`;
  // Of what is kept only this digest is known.
  const mayKeep = request.checksum === "" || request.checksum.startsWith("sha256:");
  const known = mayKeep ? shelf.takeShared(key) : undefined;
  try {
    const response = await ask(url, known?.facts as unknown as Known | undefined, request, signal);
    if (response.status === 304 && known !== undefined) {
      await response.body?.cancel();
      const file = held(shelf, known);
      checkDigest(request, file.digest);
      return file;
    }
    const fetched = await store(shelf, key, response, request, signal);
    if (known !== undefined) shelf.giveBack(known.id);
    return fetched;
  } catch (error) {
    if (known !== undefined) shelf.giveBack(known.id);
    throw error;
  }
}

function checkedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw invalidParameter(
    `invalid address ${JSON.stringify(redactUrl(text))}: only http and https are fetched`,
  );
}

async function ask(
  url: URL,
  known: Known | undefined,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<Response> {
  const headers: Record<string, string> = { "User-Agent": `berth/${VERSION}`, Accept: "*/*" };
  if (known?.etag) headers["If-None-Match"] = known.etag;
  else if (known?.lastModified) headers["If-Modified-Since"] = known.lastModified;
  // The checksum is of the file as it is.
  headers["Accept-Encoding"] = "identity";
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await follow(url, headers, signal);
      if (response.status < 500 || attempt === ATTEMPTS) return checkedStatus(response, request);
      await response.body?.cancel();
    } catch (error) {
      signal.throwIfAborted();
      if (attempt === ATTEMPTS || !isNetworkFailure(error)) {
        throw isNetworkFailure(error)
          ? systemError(`failed to fetch ${redactUrl(request.url)}: ${connectionFailure(url, error)}`, error)
          : error;
      }
    }
    await Bun.sleep(RETRY_PAUSE_MS * attempt);
    signal.throwIfAborted();
  }
}

const isNetworkFailure = (error: unknown) =>
  error instanceof Error && error.name !== "EngineError" && error.name !== "AbortError";

async function follow(start: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  let url = start;
  for (let count = 0; count <= REDIRECTS_MAX; count++) {
    const { username, password } = url;
    const bare = new URL(url);
    bare.username = bare.password = "";
    const auth =
      username === "" && password === ""
        ? {}
        : {
            Authorization: `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64")}`,
          };
    const response = await fetch(bare, {
      headers: { ...headers, ...auth },
      redirect: "manual",
      signal,
      decompress: false,
      timeout: false,
    } as RequestInit);
    const location = response.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    await response.body?.cancel();
    const next = checkedUrl(new URL(location, bare).href);
    // Downgrades would let anybody on the way choose the file.
    if (url.protocol === "https:" && next.protocol === "http:") {
      throw invalidParameter(
        `refusing the redirect from ${redactUrl(url.href)} to ${redactUrl(next.href)}, which is not encrypted`,
      );
    }
    url = next;
  }
  throw invalidParameter(`stopped after ${REDIRECTS_MAX} redirects of ${redactUrl(start.href)}`);
}

/** @throws in BuildKit's words */
function checkedStatus(response: Response, { url }: HttpRequest): Response {
  const { status } = response;
  if (status < 400) return response;
  void response.body?.cancel();
  const message = `invalid response status ${status}`;
  const text = `failed to load ${redactUrl(url)}: ${message}`;
  throw status === 404 || status === 410 ? notFound(text) : systemError(text);
}

async function store(
  shelf: Shelf,
  key: string,
  response: Response,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<FetchedFile> {
  const place = await shelf.takeAlone(`${key} ${crypto.randomUUID()}`, redactUrl(request.url));
  try {
    const fileName = fileNameOf(request, response);
    const path = join(place.path, fileName);
    const digests = await write(path, response, request, signal);
    const lastModified = response.headers.get("last-modified") ?? "";
    const modified = Number.isNaN(Date.parse(lastModified)) ? undefined : new Date(lastModified);
    if (modified !== undefined) utimesSync(path, modified, modified);
    const facts: Record<keyof Known, string> = {
      etag: response.headers.get("etag") ?? "",
      lastModified,
      fileName,
      digest: digests.digest,
      sizeBytes: String(digests.sizeBytes),
      contentType: response.headers.get("content-type") ?? "",
    };
    shelf.rename(place.id, key);
    shelf.share(place.id, facts);
    return held(shelf, { ...place, facts });
  } catch (error) {
    await shelf.discard(place.id);
    throw error;
  }
}

async function write(
  path: string,
  response: Response,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<{ digest: Digest; sizeBytes: number }> {
  const { progress = () => {}, checksum, url } = request;
  const total = Number(response.headers.get("content-length") ?? Number.NaN);
  const hash = createHash("sha256");
  const wanted = wantedDigest(checksum);
  let sizeBytes = 0;
  const fd = openSync(path, "wx", 0o600);
  try {
    for await (const chunk of inTime(response.body ?? [], signal)) {
      sizeBytes += chunk.length;
      if (sizeBytes > BYTES_MAX)
        throw invalidParameter(`${redactUrl(url)} is larger than ${BYTES_MAX} bytes`);
      hash.update(chunk);
      wanted?.hash.update(chunk);
      for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at, chunk.length - at);
      progress(redactUrl(url), sizeBytes, Number.isFinite(total) ? total : undefined);
    }
  } finally {
    closeDescriptor(fd);
  }
  if (Number.isFinite(total) && total !== sizeBytes) {
    throw systemError(`failed to fetch ${redactUrl(url)}: ${sizeBytes} of ${total} bytes came`);
  }
  const digest = `sha256:${hash.digest("hex")}` as Digest;
  const found = wanted === undefined ? digest : `${wanted.name}:${wanted.hash.digest("hex")}`;
  if (checksum !== "" && found !== checksum) throw differs(checksum, found);
  return { digest, sizeBytes };
}

/** Another algorithm than the one that is computed anyway. */
function wantedDigest(checksum: string): { name: string; hash: Hash } | undefined {
  const name = checksum.slice(0, Math.max(0, checksum.indexOf(":")));
  if (checksum === "" || name === "sha256") return undefined;
  if (name !== "sha384" && name !== "sha512") {
    throw invalidParameter(`unsupported checksum algorithm ${JSON.stringify(name)}`);
  }
  return { name, hash: createHash(name) };
}

const differs = (expected: string, found: string) =>
  invalidParameter(`digest mismatch: expected ${expected}, got ${found}`);

function checkDigest({ checksum }: HttpRequest, digest: Digest): void {
  if (checksum !== "" && checksum !== digest) throw differs(checksum, digest);
}

/** A server that falls silent is given up. */
async function* inTime(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const chunks = (async function* () {
    yield* body;
  })();
  for (;;) {
    signal.throwIfAborted();
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => timeout.reject(systemError("the server has fallen silent")), SILENCE_MS);
    try {
      const { done, value } = await Promise.race([chunks.next(), timeout.promise]);
      if (done === true) return;
      yield value;
    } finally {
      clearTimeout(timer);
    }
  }
}

function held(shelf: Shelf, place: Place): FetchedFile {
  const facts = place.facts as unknown as Known;
  const modified = Date.parse(facts.lastModified);
  let isHeld = true;
  return {
    directory: place.path,
    fileName: facts.fileName,
    digest: facts.digest as Digest,
    sizeBytes: Number(facts.sizeBytes),
    modified: Number.isNaN(modified) ? undefined : new Date(modified),
    contentType: facts.contentType,
    async [Symbol.asyncDispose]() {
      if (isHeld) shelf.giveBack(place.id);
      isHeld = false;
    },
  };
}

/** As BuildKit: what is asked for, what the server says, the address's last part, `download`. One name, no path. */
function fileNameOf({ fileName, url }: HttpRequest, response: Response): string {
  const disposition = response.headers.get("content-disposition") ?? "";
  const said = /filename="?([^";]+)"?/i.exec(disposition)?.[1] ?? "";
  for (const name of [fileName, said, lastPart(url)]) {
    const bare = name.slice(name.lastIndexOf("/") + 1);
    if (bare !== "" && bare !== "." && bare !== ".." && !bare.includes("\0") && Buffer.byteLength(bare) < 256)
      return bare;
  }
  return "download";
}

function lastPart(url: string): string {
  const { pathname } = new URL(url);
  try {
    return decodeURIComponent(pathname.slice(pathname.lastIndexOf("/") + 1));
  } catch {
    return "";
  }
}
