/** Each block becomes a member of its own, by which one layer is compressed on all processors. */
const BLOCK_BYTES = 1 << 20;
/** On what is in layers, level 3 makes as much of a processor as level 6 in 60 % of its time, for 3 % more bytes (measured). */
const LEVEL = 3;

/**
 * A stream as gzip (RFC 1952), in members of 1 MiB of input that are compressed side by side in the thread pool. The same
 * input gives the same output, however it was cut into pieces.
 */
export async function* gzip(
  source: AsyncIterable<Uint8Array>,
  width = Math.max(2, navigator.hardwareConcurrency),
): AsyncGenerator<Uint8Array, void, undefined> {
  const zlib = await import("node:zlib");
  const compress = (block: Uint8Array) =>
    new Promise<Uint8Array>((resolve, reject) => {
      zlib.gzip(block, { level: LEVEL }, (error, result) =>
        error === null ? resolve(result) : reject(error),
      );
    });
  const running: Promise<Uint8Array>[] = [];
  let isEmpty = true;
  try {
    for await (const block of inBlocks(source)) {
      isEmpty = false;
      const compressed = compress(block);
      compressed.catch(() => {});
      running.push(compressed);
      if (running.length >= width) yield await running.shift()!;
    }
    if (isEmpty) yield await compress(new Uint8Array());
    while (running.length > 0) yield await running.shift()!;
  } finally {
    await Promise.allSettled(running);
  }
}

async function* inBlocks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (let bytes of source) {
    while (length + bytes.length >= BLOCK_BYTES) {
      const head = bytes.subarray(0, BLOCK_BYTES - length);
      yield parts.length === 0 ? head : Buffer.concat([...parts, head]);
      bytes = bytes.subarray(head.length);
      parts = [];
      length = 0;
    }
    if (bytes.length > 0) parts.push(bytes);
    length += bytes.length;
  }
  if (length > 0) yield Buffer.concat(parts);
}
