import { paddingBytes, type TarEntry, type TarLimits } from "./entry.ts";
import { TarScanner } from "./scanner.ts";

/** A member and its stored bytes (of a sparse file: the segments one after the other, without the holes). */
export interface TarMember {
  readonly entry: TarEntry;
  /** To be read before the next member is asked for; what is left unread is passed over. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface ReadTarOptions {
  readonly limits?: Partial<TarLimits>;
  /** Sees each chunk of the stream, once, before its members: for hashing or keeping the exact bytes. */
  readonly onChunk?: (chunk: Uint8Array) => void | Promise<void>;
}

/**
 * The members of a tar stream. The stream is read to its end, whatever follows the archive's end mark.
 * @throws TarError for a malformed or truncated archive.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  options: ReadTarOptions = {},
): AsyncGenerator<TarMember, void, undefined> {
  const scanner = new TarScanner(options.limits === undefined ? {} : { limits: options.limits });
  const chunks = source[Symbol.asyncIterator]();
  /** A token that the body's reader met and that is not its own. */
  let waiting: TarEntry | undefined;

  const pull = async (): Promise<boolean> => {
    const result = await chunks.next();
    if (result.done === true) return false;
    await options.onChunk?.(result.value);
    scanner.push(result.value);
    return true;
  };

  /** Bytes of the present member; undefined at its end, or at the stream's. */
  const nextBytes = async (): Promise<Uint8Array | undefined> => {
    for (;;) {
      const token = scanner.next();
      if (token?.type === "data") return token.bytes;
      if (token?.type === "entry") {
        waiting = token.entry;
        return undefined;
      }
      if (token === undefined && !(await pull())) {
        scanner.finish();
        return undefined;
      }
    }
  };

  try {
    while ((await nextBytes()) !== undefined);
    while (waiting !== undefined) {
      const entry: TarEntry = waiting;
      waiting = undefined;
      let left = entry.storedSize;
      const body = (async function* () {
        while (left > 0) {
          const bytes = await nextBytes();
          if (bytes === undefined) return;
          left -= bytes.length;
          yield bytes;
        }
      })();
      yield { entry, body };
      if (waiting === undefined) while ((await nextBytes()) !== undefined);
    }
  } finally {
    await chunks.return?.();
  }
}

/** Number of bytes that a member of this size takes in the stream behind its header. */
export function paddedSize(size: number): number {
  return size + paddingBytes(size);
}
