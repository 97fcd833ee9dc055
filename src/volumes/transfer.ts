import { mkdirSync } from "node:fs";
import { decompress, messageOf, systemError } from "../lib/index.ts";
import { copyTree, extractTar, openRoot, packTree } from "../linux/index.ts";

/** Containers whose processes stand still until this is disposed of, once or several times. */
export type Frozen = AsyncDisposable;

/** Holds the processes of containers still; those that don't run are passed over. */
export type Freeze = (containerIds: readonly string[]) => Promise<Frozen>;

export const nobodyFrozen: Freeze = async () => ({ [Symbol.asyncDispose]: async () => {} });

/** A receiver may take so long with one piece while containers stand still for it. */
const STALL_MS = 30_000;

/**
 * A directory as a tar stream, with an entry for the directory itself. The containers stand still until its end has
 * been read, or until whoever reads it is seen to do something else.
 * @throws System where the receiver stalled: what it got is no picture of one moment
 */
export async function* packFrozen(
  path: string,
  frozen: Frozen,
  stallMs = STALL_MS,
): AsyncGenerator<Uint8Array, void, undefined> {
  let thawed: Promise<void> | undefined;
  const thaw = () => {
    thawed ??= Promise.resolve(frozen[Symbol.asyncDispose]());
    return thawed;
  };
  try {
    using root = openRoot(path);
    for await (const chunk of packTree(root, "/", { name: ".", reuseChunks: true })) {
      const timer = setTimeout(() => void thaw(), stallMs);
      try {
        yield chunk;
      } finally {
        clearTimeout(timer);
      }
      if (thawed !== undefined) {
        throw systemError(
          `nothing was read for ${stallMs / 1000} s, and the containers that use the volume cannot wait longer`,
        );
      }
    }
  } finally {
    await thaw();
  }
}

/** Makes a copy of a directory as it is at one moment; where files can share blocks, at once. */
export async function copyDirectory(from: string, to: string, signal?: AbortSignal): Promise<void> {
  mkdirSync(to, { recursive: true, mode: 0o700 });
  using source = openRoot(from);
  using target = openRoot(to);
  await copyTree(source, "", target, "", signal === undefined ? {} : { signal });
}

/** Unpacks a tar stream, compressed or not, into a directory. What an entry brings replaces what has its name. */
export async function unpackInto(
  path: string,
  body: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  using root = openRoot(path);
  await extractTar(decompress(body), root, "", signal === undefined ? {} : { signal });
}

/** Whether a directory has nothing in it. @throws System where it cannot be read */
export function isEmptyDirectory(path: string): boolean {
  try {
    using root = openRoot(path);
    return root.list("").length === 0;
  } catch (error) {
    throw systemError(`cannot read the volume: ${messageOf(error)}`, error);
  }
}

/** Empties a directory, whatever the names and links in it would like to reach. */
export async function emptyDirectory(path: string): Promise<void> {
  using root = openRoot(path);
  for (const { name } of root.list("")) await root.removeTree(name);
}
