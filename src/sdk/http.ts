import type { Connection } from "./connection.ts";
import { type BodyReader, bodyReader } from "./http-body.ts";

/**
 * HTTP/1.1 over one connection, one exchange each. Written here because an engine's protocol leaves HTTP
 * half-way: `attach` and `exec` take the connection over and close it one side at a time, which `fetch` cannot
 * do, and because the platforms' own clients cost a command-line client more than its whole request.
 */
export interface HttpRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly host: string;
  /** Those with several values are sent several times. */
  readonly headers?: HttpHeaders | undefined;
  readonly body?: RequestBody | undefined;
  /** Ask to take the connection over as a raw byte stream, for this protocol. */
  readonly upgrade?: "tcp" | "h2c" | undefined;
}

export type HttpHeaders = Readonly<Record<string, string | readonly string[]>>;

export type RequestBody = string | Uint8Array | AsyncIterable<Uint8Array>;

/** An answer of which the head has arrived. Its body is read once, in one of three ways. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Where `upgrade` was granted: the raw stream, which the caller must close; there is no body then. */
  readonly stream?: Connection;
  /** The whole body as text. */
  text(): Promise<string>;
  /** Reads the body to its end for nothing. */
  drain(): Promise<void>;
  /** The body as it arrives; ending the iteration early closes the connection. */
  body(): AsyncIterable<Uint8Array>;
}

/** Response headers larger than this are refused. */
const HEAD_BYTES_MAX = 256 * 1024;
/** Pieces of a streamed request up to this size travel in one write with their framing. */
const SMALL_CHUNK_BYTES = 64 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NOTHING = new Uint8Array(0);

/** Sends one request and resolves when the response's head has arrived. Closes the connection on failure. */
export async function exchange(connection: Connection, request: HttpRequest): Promise<HttpResponse> {
  const upload = new AbortController();
  try {
    const sending = send(connection, request, upload.signal);
    // The engine may refuse before it has read everything: then its answer counts, not our broken pipe.
    sending.catch(() => {});
    const head = await readHead(connection);
    return respond(connection, request, head, () => upload.abort());
  } catch (error) {
    upload.abort();
    connection.close(error);
    throw error;
  }
}

function respond(
  connection: Connection,
  request: HttpRequest,
  head: ResponseHead,
  stopUpload: () => void,
): HttpResponse {
  const { status, headers, rest } = head;
  // Engines answer 101, old ones and some proxies 200; either way the raw stream follows the head.
  const isUpgraded = request.upgrade !== undefined && (status === 101 || status === 200);
  const reader = bodyReader(request.method, isUpgraded ? 204 : status, headers);
  const body = new ResponseBody(connection, reader, rest, stopUpload);
  return {
    status,
    headers,
    ...(isUpgraded && { stream: new PrefixedConnection(connection, rest) }),
    text: () => body.text(),
    drain: () => body.readAll(() => {}),
    body: () => body.parts(),
  };
}

/** A body that is still to be read. */
class ResponseBody {
  readonly #connection: Connection;
  readonly #reader: BodyReader;
  #rest: Uint8Array;
  readonly #stopUpload: () => void;

  constructor(connection: Connection, reader: BodyReader, rest: Uint8Array, stopUpload: () => void) {
    this.#connection = connection;
    this.#reader = reader;
    this.#rest = rest;
    this.#stopUpload = stopUpload;
  }

  async text(): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    await this.readAll((part) => {
      text += decoder.decode(part, { stream: true });
    });
    return text + decoder.decode();
  }

  async readAll(take: (part: Uint8Array) => void): Promise<void> {
    try {
      while (await this.#next(take));
    } finally {
      this.#close();
    }
  }

  async *parts(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      let parts: Uint8Array[] = [];
      while (await this.#next((part) => parts.push(part))) {
        const ready = parts;
        parts = [];
        yield* ready;
      }
    } finally {
      this.#close();
    }
  }

  /** Hands on what arrives next; false at the body's end. */
  async #next(take: (part: Uint8Array) => void): Promise<boolean> {
    const early = this.#rest;
    this.#rest = NOTHING;
    if (early.length > 0) {
      this.#reader.push(early, take);
      return true;
    }
    if (this.#reader.done) return false;
    const bytes = await this.#connection.read();
    if (bytes !== undefined) this.#reader.push(bytes, take);
    else this.#reader.end();
    return bytes !== undefined;
  }

  #close(): void {
    this.#stopUpload();
    this.#connection.close();
  }
}

async function send(connection: Connection, request: HttpRequest, signal: AbortSignal): Promise<void> {
  const { body } = request;
  const fixed = typeof body === "string" ? encoder.encode(body) : body;
  const head = encoder.encode(requestHead(request, fixed));
  if (fixed === undefined) return connection.write(head);
  if (fixed instanceof Uint8Array) return connection.write(join(head, fixed));
  await connection.write(head);
  for await (const chunk of closingOnFailure(fixed, connection)) {
    if (signal.aborted) return;
    if (chunk.length > 0) await writeChunk(connection, chunk);
  }
  await connection.write(encoder.encode("0\r\n\r\n"));
}

/** A source that fails must not leave the engine waiting for the rest, nor us for its answer. */
async function* closingOnFailure(
  source: AsyncIterable<Uint8Array>,
  connection: Connection,
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* source;
  } catch (error) {
    connection.close(error);
    throw error;
  }
}

function requestHead(request: HttpRequest, body: Uint8Array | AsyncIterable<Uint8Array> | undefined): string {
  let head = `${request.method} ${request.path} HTTP/1.1\r\nHost: ${request.host}\r\n`;
  for (const [name, values] of Object.entries(request.headers ?? {})) {
    for (const value of [values].flat()) head += `${name}: ${plain(value)}\r\n`;
  }
  if (body instanceof Uint8Array) head += `Content-Length: ${body.length}\r\n`;
  else if (body !== undefined) head += "Transfer-Encoding: chunked\r\n";
  else if (request.method === "POST" || request.method === "PUT") head += "Content-Length: 0\r\n";
  const { upgrade } = request;
  head += upgrade === undefined ? "Connection: close\r\n" : `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
  return `${head}\r\n`;
}

/** A header's value cannot start another header. */
function plain(value: string): string {
  return /[\r\n\0]/.test(value) ? value.replaceAll(/[\r\n\0]/g, " ") : value;
}

async function writeChunk(connection: Connection, chunk: Uint8Array): Promise<void> {
  const size = encoder.encode(`${chunk.length.toString(16)}\r\n`);
  const end = encoder.encode("\r\n");
  if (chunk.length <= SMALL_CHUNK_BYTES) return connection.write(join(size, chunk, end));
  await connection.write(size);
  await connection.write(chunk);
  await connection.write(end);
}

interface ResponseHead {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** What arrived behind the head already. */
  readonly rest: Uint8Array;
}

async function readHead(connection: Connection): Promise<ResponseHead> {
  let received: Uint8Array = NOTHING;
  for (;;) {
    const end = headEnd(received);
    if (end >= 0) {
      const head = parseHead(decoder.decode(received.subarray(0, end)));
      // 100 Continue and its kin precede the answer; 101 is one.
      if (head.status >= 200 || head.status === 101) return { ...head, rest: received.subarray(end + 4) };
      received = received.subarray(end + 4);
      continue;
    }
    if (received.length > HEAD_BYTES_MAX) throw new Error("the engine's answer has too large a head");
    const chunk = await connection.read();
    if (chunk === undefined) throw new Error("the engine closed the connection without an answer");
    received = received.length === 0 ? chunk : join(received, chunk);
  }
}

function headEnd(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(13); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
  return -1;
}

function parseHead(text: string): { status: number; headers: Map<string, string> } {
  const [statusLine = "", ...lines] = text.split("\r\n");
  const match = /^HTTP\/1\.[01] (\d{3})/.exec(statusLine);
  if (match === null)
    throw new Error(`the engine's answer is not HTTP: ${JSON.stringify(statusLine.slice(0, 80))}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(match[1]), headers };
}

/** A connection of which some bytes were read too early. */
class PrefixedConnection implements Connection {
  #prefix: Uint8Array;
  readonly #inner: Connection;

  constructor(inner: Connection, prefix: Uint8Array) {
    this.#inner = inner;
    this.#prefix = prefix;
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#prefix.length === 0) return this.#inner.read();
    const prefix = this.#prefix;
    this.#prefix = NOTHING;
    return Promise.resolve(prefix);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#inner.write(bytes);
  }

  end(): void {
    this.#inner.end();
  }

  close(reason?: unknown): void {
    this.#inner.close(reason);
  }
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
