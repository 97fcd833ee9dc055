import { decompress, invalidParameter } from "../../lib/index.ts";
import { extractTar, packTree, type RootDir, resolveInRoot } from "../../linux/index.ts";
import type { PathStat } from "../../wire/index.ts";
import type { Context } from "../context.ts";
import { emit } from "../events.ts";
import type { ContainerRecord } from "../record.ts";
import type { ArchiveGetResult, ArchivePutOptions } from "../requests.ts";
import { type OpenedRoot, openContainerRoot } from "./open-root.ts";
import { baseName, containerPath } from "./paths.ts";
import { pathError, pathStat } from "./stat.ts";

/** `HEAD /containers/{id}/archive` */
export async function archiveStat(
  context: Context,
  record: ContainerRecord,
  reference: string,
  path: string,
): Promise<PathStat> {
  await using opened = await openContainerRoot(context, record, { volumes: true });
  const { kind: _, ...stat } = statOrThrow(opened.root, path, reference);
  return stat;
}

/** `GET /containers/{id}/archive`: the root stays open until the stream has ended or its reader has left. */
export async function archiveGet(
  context: Context,
  record: ContainerRecord,
  reference: string,
  path: string,
): Promise<ArchiveGetResult> {
  const opened = await openContainerRoot(context, record, { volumes: true });
  try {
    const { kind: _, ...stat } = statOrThrow(opened.root, path, reference);
    emit(context, record, "archive-path");
    const wanted = containerPath(path);
    const exclude = opened.live ? insideKernelMounts(record, wanted) : undefined;
    const tar = packTree(opened.root, wanted, {
      name: baseName(wanted),
      reuseChunks: true,
      ...(exclude === undefined ? {} : { exclude }),
    });
    return { stat, tar: closing(tar, opened) };
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}

/** What the runtime mounts in every container; all others of the kernel's are below these. */
const KERNEL_MOUNTS: readonly string[] = ["/dev", "/proc", "/sys"];

/**
 * Devices, and what the kernel tells of processes and itself, are no files of the container's: `docker cp` gives their
 * directories empty, as Docker does. Reading them all would fail, or have effects.
 * @returns a test of paths below `wanted`
 */
function insideKernelMounts(
  record: ContainerRecord,
  wanted: string,
): ((path: string) => boolean) | undefined {
  const mounts = KERNEL_MOUNTS.filter((path) => !record.mounts.some((mount) => mount.destination === path));
  const top = wanted.replace(/\/\.?$/, "");
  if (top !== "") return mounts.some((path) => `${top}/`.startsWith(`${path}/`)) ? () => true : undefined;
  return (path) => mounts.some((mount) => path.startsWith(`${mount.slice(1)}/`));
}

function statOrThrow(root: RootDir, path: string, reference: string) {
  try {
    return pathStat(root, containerPath(path));
  } catch (error) {
    throw pathError(error, path, reference);
  }
}

/** A stream that is never read must not keep the root: it is closed too when the iterator is returned unread. */
export function closing(
  stream: AsyncGenerator<Uint8Array, void, undefined>,
  opened: OpenedRoot,
): AsyncIterable<Uint8Array> & AsyncDisposable {
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= Promise.resolve(stream.return()).then(() => opened[Symbol.asyncDispose]());
    return closed;
  };
  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      try {
        const step = await stream.next();
        if (step.done) await close();
        return step;
      } catch (error) {
        await close();
        throw error;
      }
    },
    async return() {
      await close();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator, [Symbol.asyncDispose]: close };
}

/** `PUT /containers/{id}/archive`. @throws NotFound, InvalidParameter in Docker's words */
export async function archivePut(
  context: Context,
  record: ContainerRecord,
  reference: string,
  path: string,
  body: AsyncIterable<Uint8Array>,
  options: ArchivePutOptions,
): Promise<void> {
  await using opened = await openContainerRoot(context, record, { volumes: true });
  const { root } = opened;
  const target = resolveInRoot(root, containerPath(path));
  try {
    if (root.stat(target).kind !== "directory") {
      throw invalidParameter("extraction point is not a directory");
    }
    checkWritable(record, target);
    const owner = options.copyUIDGID ? ownerOf(context, record, root) : undefined;
    await extractTar(decompress(body), root, target, {
      noOverwriteDirNonDir: options.noOverwriteDirNonDir,
      ...(owner === undefined ? {} : { owner: () => owner }),
    });
  } catch (error) {
    throw pathError(error, path, reference);
  }
  emit(context, record, "extract-to-dir");
}

/**
 * The mount that a path is in decides. This is for the message: the mounts themselves are read-only too, so a
 * container
 * that swaps a link after this check gains nothing.
 */
export function checkWritable(record: ContainerRecord, path: string): void {
  const holders = record.mounts.filter(
    ({ destination }) => path === destination || path.startsWith(`${destination}/`),
  );
  const innermost = holders.sort((a, b) => b.destination.length - a.destination.length)[0];
  if (innermost?.readOnly) throw invalidParameter("mounted volume is marked read-only");
  if (innermost === undefined && record.host.ReadonlyRootfs) {
    throw invalidParameter("container rootfs is marked read-only");
  }
}

/** `cp -a` into a container that runs as a user: the files become that user's. */
function ownerOf(context: Context, record: ContainerRecord, root: RootDir) {
  if (!record.config.User) return undefined;
  const { uid, gid } = context.machine.resolveUser(root, record.config.User, []);
  return { uid, gid };
}
