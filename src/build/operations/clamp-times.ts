import { encodeHeader, padding, readTar, TAR_END } from "../../lib/index.ts";

/** A layer's tar in which nothing is younger than `epoch` (seconds since 1970). Pieces belong to the receiver. */
export async function* clampTimes(
  tar: AsyncIterable<Uint8Array>,
  epoch: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const latestNs = BigInt(epoch) * 1_000_000_000n;
  for await (const { entry, body } of readTar(tar)) {
    const mtimeNs = entry.mtimeNs > latestNs ? latestNs : entry.mtimeNs;
    yield encodeHeader({ ...entry, mtimeNs, atimeNs: undefined, ctimeNs: undefined });
    let stored = 0;
    for await (const bytes of body) {
      stored += bytes.length;
      yield bytes;
    }
    const rest = padding(stored);
    if (rest.length > 0) yield rest;
  }
  yield TAR_END;
}
