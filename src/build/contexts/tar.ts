import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decompress, invalidParameter, newId } from "../../lib/index.ts";
import { extractTar, openRoot } from "../../linux/index.ts";

const BLOCK_BYTES = 512;
/** More than any Dockerfile has. */
const DOCKERFILE_BYTES_MAX = 16 << 20;
const ENTRIES_MAX = 10_000_000;

export interface Unpacked {
  readonly path: string;
  /** It was no archive but a single file. */
  readonly dockerfile: string | undefined;
}

/**
 * Unpacks a context into a new directory of the build's: a tar, compressed or not, or the text of a Dockerfile alone, which
 * becomes a file of this name. Everything belongs to root; devices are left out.
 * @throws InvalidParameter for what is damaged or leads out of the directory
 */
export async function unpackContext(
  bytes: AsyncIterable<Uint8Array>,
  parent: string,
  signal: AbortSignal,
): Promise<Unpacked> {
  const path = join(parent, `context-${newId().slice(0, 12)}`);
  mkdirSync(path, { mode: 0o755 });
  const source = decompress(bytes);
  const { head, rest } = await peek(source);
  if (head.length === 0) return { path, dockerfile: undefined };
  if (!isTarHeader(head)) {
    writeFileSync(join(path, "Dockerfile"), await readText(rest), { mode: 0o644 });
    return { path, dockerfile: "Dockerfile" };
  }
  using root = openRoot(path);
  await extractTar(rest, root, "/", {
    owner: () => ({ uid: 0, gid: 0 }),
    devices: "skip",
    maxEntries: ENTRIES_MAX,
    signal,
  });
  return { path, dockerfile: undefined };
}

/** The first block of a stream, and the stream with it. */
export async function peek(
  source: AsyncIterable<Uint8Array>,
): Promise<{ head: Uint8Array; rest: AsyncIterable<Uint8Array> }> {
  const chunks = source[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < BLOCK_BYTES) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    first.push(value.slice());
    length += value.length;
  }
  const head = Buffer.concat(first);
  return { head: head.subarray(0, BLOCK_BYTES), rest: continued(head, chunks) };
}

async function* continued(
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  try {
    if (head.length > 0) yield head;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** Whether a block can begin a tar: its checksum is right (pax(1), ustar), or it is the end of an empty one. */
export function isTarHeader(block: Uint8Array): boolean {
  if (block.length < BLOCK_BYTES) return false;
  if (block.every((byte) => byte === 0)) return true;
  const stored = Number.parseInt(
    new TextDecoder("latin1").decode(block.subarray(148, 156)).replaceAll("\0", " "),
    8,
  );
  let sum = 0;
  for (let at = 0; at < BLOCK_BYTES; at++) sum += at >= 148 && at < 156 ? 0x20 : block[at]!;
  return stored === sum;
}

async function readText(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > DOCKERFILE_BYTES_MAX)
      throw invalidParameter("the context is neither a tar nor a Dockerfile: it is too large");
    chunks.push(chunk.slice());
  }
  return Buffer.concat(chunks);
}
