import { posix, resolve } from "node:path";
import { EngineError, invalidParameter, readTar, type TarEntry } from "../lib/index.ts";
import { filesAsTar, memoryFiles } from "./builds/memory-context.ts";
import type { Container } from "./container.ts";
import { packTree } from "./files/pack.ts";
import { unpackTree } from "./files/unpack.ts";
import type { Files } from "./run-options.ts";

/** The folder that a path is in, and its last name. */
function split(path: string): { directory: string; name: string } {
  const normal = posix.normalize(`/${path}`).replace(/(.)\/$/, "$1");
  return { directory: posix.dirname(normal), name: posix.basename(normal) };
}

/** Gives the entries of an archive another first name. */
function renamed(from: string, to: string): (name: string) => string {
  return (name) => {
    const plain = name.replace(/^(\.?\/)+/, "");
    const rest = plain === from ? "" : plain.startsWith(`${from}/`) ? plain.slice(from.length) : undefined;
    if (rest === undefined)
      throw new EngineError("System", `the engine's archive of ${from} has ${JSON.stringify(name)} in it`);
    return `${to}${rest}`;
  };
}

export async function copyIn(
  container: Container,
  from: string,
  to: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const source = split(resolve(from));
  const target = split(to);
  if (source.name === "" || target.name === "") throw invalidParameter("a root folder can not be copied");
  const tar = packTree(source.directory, source.name, { rename: renamed(source.name, target.name) });
  await container.engine.containers.archives.put(container.id, target.directory, tar, { signal });
}

export async function copyOut(
  container: Container,
  from: string,
  to: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const source = split(from);
  const target = split(resolve(to));
  if (source.name === "" || target.name === "") throw invalidParameter("a root folder can not be copied");
  const path = posix.join(source.directory, source.name);
  const { tar } = await container.engine.containers.archives.get(container.id, path, signal);
  await unpackTree(tar, { directory: target.directory, name: renamed(source.name, target.name) });
}

export async function writeFiles(
  container: Container,
  folder: string,
  files: Files,
  signal: AbortSignal | undefined,
): Promise<void> {
  const tar = filesAsTar(memoryFiles(files, undefined));
  await container.engine.containers.archives.put(container.id, folder, tar, { signal });
}

/** What `readFile` takes into memory: a container can make files as large as it likes. */
const FILE_BYTES_MAX = 512 << 20;
/** A link may lead to another, so many times. */
const LINKS_MAX = 40;

export async function readFile(
  container: Container,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { archives } = container.engine.containers;
  let place = path;
  for (let links = 0; links <= LINKS_MAX; links++) {
    const { stat, tar } = await archives.get(container.id, place, signal);
    const found = await firstFile(tar, path);
    if (typeof found !== "string") return found;
    // Where it leads to in the container: the engine has looked.
    place = stat.linkTarget || posix.resolve(posix.dirname(place), found);
  }
  throw invalidParameter(`too many levels of symbolic links: ${path}`);
}

/** A file's content, or where a link leads. */
async function firstFile(tar: AsyncIterable<Uint8Array>, path: string): Promise<Uint8Array | string> {
  for await (const { entry, body } of readTar(tar)) {
    if (entry.kind === "symlink") return entry.linkName;
    if (entry.kind !== "file") throw invalidParameter(`${path} is not a regular file`);
    if (entry.size > FILE_BYTES_MAX)
      throw invalidParameter(`${path} is too large to be held in memory (${entry.size} bytes): copy it out`);
    // Awaited here: to leave the iteration closes the stream.
    return await contentOf(entry, body);
  }
  throw new EngineError("System", `the engine's archive of ${path} is empty`);
}

/** Holes of a sparse file are not in its archive. */
async function contentOf(entry: TarEntry, body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const bytes = new Uint8Array(entry.size);
  const [first = { offset: 0, length: 0 }, ...later] = entry.segments ?? [{ offset: 0, length: entry.size }];
  let segment = first;
  let written = 0;
  for await (let chunk of body) {
    while (chunk.length > 0) {
      if (written === segment.length) {
        const next = later.shift();
        if (next === undefined) throw new EngineError("System", "the engine's archive is malformed");
        [segment, written] = [next, 0];
        continue;
      }
      const length = Math.min(chunk.length, segment.length - written);
      bytes.set(chunk.subarray(0, length), segment.offset + written);
      written += length;
      chunk = chunk.subarray(length);
    }
  }
  return bytes;
}
