import { detectCompression, invalidParameter } from "../../lib/index.ts";

/**
 * A tar that may be compressed by gzip, as it was before.
 * @throws InvalidParameter for what is compressed otherwise
 */
export async function* decompressed(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = source[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < 8) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    head = head.length === 0 ? value : Buffer.concat([head, value]);
  }
  const whole = continued(head, chunks);
  const compression = detectCompression(head);
  if (compression === "none") yield* whole;
  else if (compression === "gzip") yield* gunzip(whole);
  else
    throw invalidParameter(
      `this engine takes no archive that is compressed by ${compression}: unpack it first`,
    );
}

async function* continued(
  head: Uint8Array,
  chunks: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (head.length > 0) yield head;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
}

async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const [{ createGunzip }, { pipeline, Readable }] = await Promise.all([
    import("node:zlib"),
    import("node:stream"),
  ]);
  const inflated = createGunzip();
  // Whichever fails is told by reading.
  pipeline(Readable.from(source), inflated, () => {});
  yield* inflated as AsyncIterable<Uint8Array>;
}
