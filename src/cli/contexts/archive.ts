import { encodeHeader, padding, readTar, TAR_END } from "../../lib/index.ts";
import { parseContext } from "../../sdk/index.ts";
import type { WholeContext } from "./current.ts";
import type { TlsFiles } from "./store.ts";

/** As much as Docker's client takes of an archive. */
const ARCHIVE_BYTES_MAX = 10 << 20;

/** A context as `docker context import` takes it: `meta.json`, and the PEM files below `tls/`. */
export function* packContext({ meta, tls }: WholeContext): Generator<Uint8Array, void> {
  yield* member("meta.json", new TextEncoder().encode(JSON.stringify(meta)), 0o644);
  yield encodeHeader({ name: "tls", kind: "directory", mode: 0o700 });
  for (const [endpoint, files] of Object.entries(tls)) {
    yield encodeHeader({ name: `tls/${endpoint}`, kind: "directory", mode: 0o700 });
    for (const [file, bytes] of Object.entries(files)) yield* member(`tls/${endpoint}/${file}`, bytes, 0o600);
  }
  yield TAR_END;
}

function* member(name: string, bytes: Uint8Array, mode: number): Generator<Uint8Array, void> {
  yield encodeHeader({ name, kind: "file", size: bytes.length, mode });
  yield bytes;
  yield padding(bytes.length);
}

/**
 * Reads such an archive, which may be anybody's: its names become paths.
 * @throws an Error in Docker's words.
 */
export async function unpackContext(name: string, source: AsyncIterable<Uint8Array>): Promise<WholeContext> {
  const tls: Record<string, Record<string, Uint8Array>> = {};
  let meta: string | undefined;
  for await (const { entry, body } of readTar(bounded(source))) {
    if (entry.kind !== "file") continue;
    if (entry.segments !== undefined) throw new Error(`${entry.name}: unexpected sparse file`);
    const bytes = Buffer.concat(await Array.fromAsync(body));
    if (entry.name === "meta.json") meta = bytes.toString();
    else addTlsFile(tls, entry.name, bytes);
  }
  if (meta === undefined) throw new Error("invalid context: no metadata found");
  return { meta: { ...parseContext(name, meta), Name: name }, tls };
}

/** Exactly `tls/<endpoint>/<file>`, of plain words. */
function addTlsFile(
  tls: Record<string, TlsFiles & Record<string, Uint8Array>>,
  path: string,
  bytes: Uint8Array,
): void {
  const [root, endpoint = "", file = "", ...more] = path.split("/");
  if (root !== "tls") throw new Error(`${path}: unexpected context file`);
  if (more.length > 0 || ![endpoint, file].every((part) => /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(part)))
    throw new Error(`${path}: unexpected path format`);
  const files = Object.hasOwn(tls, endpoint) ? tls[endpoint]! : {};
  Object.defineProperty(files, file, { value: bytes, enumerable: true, configurable: true });
  Object.defineProperty(tls, endpoint, { value: files, enumerable: true, configurable: true });
}

async function* bounded(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let size = 0;
  for await (const chunk of source) {
    if (size === 0 && chunk[0] === 0x50 && chunk[1] === 0x4b)
      throw new Error("this is a zip archive: import the tar that `context export` writes");
    size += chunk.length;
    if (size > ARCHIVE_BYTES_MAX) throw new Error("read exceeds the defined limit");
    yield chunk;
  }
}
