import { type EngineError, invalidParameter } from "./errors.ts";

/** How archives come compressed. Docker takes all of these wherever it takes an archive. */
export type Compression = "none" | "gzip" | "zstd" | "bzip2" | "xz";

const MAGIC: readonly [Exclude<Compression, "none">, readonly number[]][] = [
  ["gzip", [0x1f, 0x8b, 0x08]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];
/** Enough to tell. */
export const COMPRESSION_HEAD_BYTES = 6;

/** Tells by the first bytes. */
export function detectCompression(head: Uint8Array): Compression {
  const found = MAGIC.find(([, magic]) => magic.every((byte, i) => head[i] === byte));
  return found?.[0] ?? (isSkippableZstdFrame(head) ? "zstd" : "none");
}

/** A zstd stream may begin with a frame that holds no data (RFC 8878, 3.1.2). */
function isSkippableZstdFrame(head: Uint8Array): boolean {
  return (
    head.length >= 4 && (head[0]! & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18
  );
}

/** Output comes in pieces of about this size: large enough to cost little each, small enough to flow. */
const PIECE_BYTES = 256 * 1024;
/** A hostile xz header may ask for 4 GiB of memory. Highest preset (-9) needs 65 MiB. */
const XZ_MEMORY = "--memlimit-decompress=256MiB";

/**
 * A stream, decompressed if it is compressed. gzip and zstd are inflated in this process's thread pool; for bzip2
 * and xz the host's own program is run, by its absolute path and with an empty environment: nothing that a container
 * or an archive brings is ever executed. Pieces belong to the receiver.
 * @throws InvalidParameter where the data is damaged or ends early, or the host cannot decompress it
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { head, whole } = await peek(source, COMPRESSION_HEAD_BYTES);
  const compression = detectCompression(head);
  if (compression === "none") yield* whole;
  else if (compression === "gzip") yield* gunzip(whole);
  else if (compression === "zstd") yield* unzstd(whole);
  else yield* runHelper(whole, compression);
}

/**
 * Looks at a stream's first bytes: so many, or more, or all there are.
 * @returns them, and the stream with them, which must be read, if only to be given up
 */
export async function peek(
  source: AsyncIterable<Uint8Array>,
  bytes: number,
): Promise<{ head: Uint8Array; whole: AsyncGenerator<Uint8Array, void, undefined> }> {
  const chunks = source[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  for (let length = 0; length < bytes; length += first.at(-1)!.length) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    first.push(value);
  }
  return { head: first.length === 1 ? first[0]! : Buffer.concat(first), whole: continued(first, chunks) };
}

async function* continued(
  first: Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (let next = first.shift(); next !== undefined; next = first.shift()) if (next.length > 0) yield next;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** What is said of compressed data that is damaged or ends early. */
export function damagedArchive(compression: Compression, cause: unknown): EngineError {
  return invalidParameter(`cannot decompress ${compression} data: it is damaged or ends early`, cause);
}

/**
 * `node:zlib`, loaded when it is needed: the client, which seldom is, would pay 3 ms for it at each start (measured). Not
 * the web's stream, because that refuses
 * what is common behind the end: padding, further members.
 */
async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const { createGunzip } = await import("node:zlib");
  const stream = createGunzip({ chunkSize: PIECE_BYTES });
  let sourceFailed: { readonly error: unknown } | undefined;
  const feeding = (async () => {
    for await (const chunk of source) {
      if (stream.destroyed) return;
      if (!stream.write(chunk)) await drained(stream);
    }
    stream.end();
  })().catch((error: unknown) => {
    sourceFailed = { error };
    stream.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  try {
    for await (const piece of stream) yield piece as Buffer;
  } catch (error) {
    if (sourceFailed !== undefined) throw sourceFailed.error;
    throw damagedArchive("gzip", error);
  } finally {
    stream.destroy();
    await feeding;
  }
}

/** The web's stream, because `node:zlib` ends without an error where a zstd frame is cut short. */
async function* unzstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = source[Symbol.asyncIterator]();
  let sourceFailed: { readonly error: unknown } | undefined;
  const input = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        const { done, value } = await chunks.next();
        if (done === true) controller.close();
        else controller.enqueue(value as Uint8Array<ArrayBuffer>);
      } catch (error) {
        sourceFailed = { error };
        controller.error(error);
      }
    },
    async cancel() {
      await chunks.return?.();
    },
  });
  try {
    yield* input.pipeThrough(new DecompressionStream("zstd"));
  } catch (error) {
    if (sourceFailed !== undefined) throw sourceFailed.error;
    throw damagedArchive("zstd", error);
  }
}

function drained(stream: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });
}

const HELPERS: Record<
  "bzip2" | "xz",
  { readonly paths: readonly string[]; readonly args: readonly string[] }
> = {
  bzip2: { paths: ["/usr/bin/bzip2", "/bin/bzip2"], args: ["-dc"] },
  xz: { paths: ["/usr/bin/xz", "/bin/xz"], args: ["-dc", XZ_MEMORY] },
};

async function* runHelper(
  source: AsyncIterable<Uint8Array>,
  compression: "bzip2" | "xz",
): AsyncGenerator<Uint8Array, void, undefined> {
  const { paths, args } = HELPERS[compression];
  const found = await Promise.all(paths.map((path) => Bun.file(path).exists()));
  const program = paths[found.indexOf(true)];
  if (program === undefined) {
    throw invalidParameter(`cannot decompress ${compression} data: the host has no ${paths[0]}`);
  }
  const helper = Bun.spawn([program, ...args], {
    env: {},
    cwd: "/",
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  let sourceFailed: { readonly error: unknown } | undefined;
  const feeding = (async () => {
    for await (const chunk of source) {
      helper.stdin.write(chunk);
      await helper.stdin.flush();
    }
    await helper.stdin.end();
  })().catch((error: unknown) => {
    // The helper that found its data damaged is gone before all is written: its exit code tells.
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") sourceFailed = { error };
    helper.kill();
  });
  try {
    for await (const piece of helper.stdout) yield piece;
    const code = await helper.exited;
    await feeding;
    if (sourceFailed !== undefined) throw sourceFailed.error;
    if (code !== 0) throw damagedArchive(compression, new Error(`${program} ended with code ${code}`));
  } finally {
    helper.kill();
    await helper.exited;
  }
}
