import type { IncomingMessage } from "node:http";
import { EngineError, invalidParameter, messageOf } from "../lib/index.ts";
import { decode, type Static, type TSchema } from "../wire/index.ts";
import { ClientGone } from "./streams/writing.ts";

/** The largest JSON body that is read. A seccomp profile or a long list of variables fits many times over. */
export const JSON_BODY_LIMIT = 8 * 1024 * 1024;

/** The one failure whose status is not that of its kind: 413. */
export class BodyTooLarge extends EngineError {
  constructor(limit: number) {
    super("InvalidParameter", `request body too large: more than ${limit} bytes`);
  }
}

/**
 * Reads a request's JSON as Docker does. `undefined` where there is no body.
 * @throws InvalidParameter for a wrong `Content-Type`, malformed JSON, a wrong type in a field; BodyTooLarge
 */
export async function readJson<S extends TSchema>(
  request: IncomingMessage,
  name: string,
  schema: S,
): Promise<Static<S> | undefined> {
  checkContentType(request);
  if (!hasBody(request)) return undefined;
  const bytes = await readBytes(request, JSON_BODY_LIMIT);
  // Go reads `null` into a struct as one of which nothing was sent.
  return decode(name, schema, parseJson(bytes.toString("utf8")) ?? {});
}

export function hasBody(request: IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  return encoding !== undefined || (length !== undefined && length !== "0");
}

function checkContentType(request: IncomingMessage): void {
  const type = request.headers["content-type"];
  if (type === undefined || type === "") {
    if (!hasBody(request)) return;
    throw invalidParameter("malformed Content-Type header (): mime: no media type");
  }
  const end = type.indexOf(";");
  const media = (end < 0 ? type : type.slice(0, end)).trim().toLowerCase();
  if (media !== "application/json") {
    throw invalidParameter(`unsupported Content-Type header (${type}): must be 'application/json'`);
  }
}

/**
 * A request's body, no faster than it is read. Whoever stops reading leaves the request whole, so that it
 * can still be answered.
 * @throws ClientGone where the client breaks off
 */
export async function* bodyOf(request: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  } catch {
    throw new ClientGone();
  }
}

async function readBytes(request: IncomingMessage, limit: number): Promise<Buffer> {
  if (Number(request.headers["content-length"] ?? 0) > limit) throw new BodyTooLarge(limit);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bodyOf(request)) {
    size += chunk.length;
    if (size > limit) throw new BodyTooLarge(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Go's limit (encoding/json, `maxNestingDepth`). What is deeper could be read here, but not be written again. */
const DEPTH_LIMIT = 10_000;

function parseJson(text: string): unknown {
  if (text.trim() === "") throw invalidParameter("invalid JSON: got EOF while reading request body");
  if (text.length > DEPTH_LIMIT && isTooDeep(text))
    throw invalidParameter("invalid JSON: exceeded max depth");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidParameter(`invalid JSON: ${messageOf(error).replace(/^JSON Parse error: /, "")}`, error);
  }
}

/** Texts are skipped as JSON writes them; whether it is JSON is not asked here. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    if (depth > DEPTH_LIMIT) return true;
  }
  return false;
}
