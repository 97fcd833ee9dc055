import { chmod, mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FileDigests, LocalTree } from "../contents/index.ts";
import type { Contexts } from "../contexts/index.ts";
import type { OperationKind, SourceResult, SourceTree, Work } from "../solve/contract.ts";
import { NO_LAYERS, newDirectory, unchanged } from "./layer.ts";

const FOLDER_MODE = 0o755;

/** Sources are asked anew in each build. */
const neverCached = async () => undefined;

function sourceResult(source: SourceTree): SourceResult {
  return { kind: "source", source, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() };
}

/** No files. */
export const scratch: OperationKind<"scratch"> = { key: neverCached, run: async () => NO_LAYERS };

/** The build has found it, and holds it, before any step begins. */
export const image: OperationKind<"image"> = {
  key: neverCached,
  run: async ({ operation, context }) =>
    await unchanged(context, context.foundImage(operation.reference, operation.platform).layers),
};

export const context: OperationKind<"context"> = {
  key: neverCached,
  run: async ({ operation, context: scope, signal }) =>
    sourceResult(await scope.openContext(operation.name, signal)),
};

/** What was written into the Dockerfile, as a file of its own. */
export const file: OperationKind<"file"> = { key: neverCached, run: writeInline };

async function writeInline({ operation, context: scope }: Work<"file">): Promise<SourceResult> {
  const directory = await newDirectory(scope, "file");
  const path = join(directory, operation.fileName);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, operation.content, { flag: "wx" });
  // What the process' umask says is no matter of an image's; and whoever a step runs as comes as far as the file.
  await Promise.all([chmod(path, operation.mode), chmod(directory, FOLDER_MODE)]);
  const { epoch } = scope;
  if (epoch !== undefined) await utimes(path, epoch, epoch);
  const remove = () => rm(directory, { recursive: true, force: true });
  const place = { path: directory, shownAs: directory };
  return sourceResult(new LocalTree(place, undefined, new FileDigests(undefined), remove));
}

/** `ADD https://…` */
export function http(contexts: Pick<Contexts, "fetchHttp">, digests: FileDigests): OperationKind<"http"> {
  const run = async ({ operation, context: { services }, progress, signal }: Work<"http">) => {
    const { url, fileName, checksum } = operation;
    const fetched = await contexts.fetchHttp({ url, fileName, checksum, services, progress }, signal);
    return sourceResult(await opened(fetched, digests));
  };
  return { key: neverCached, run };
}

/** `ADD https://….git` */
export function git(contexts: Pick<Contexts, "fetchGit">, digests: FileDigests): OperationKind<"git"> {
  const run = async ({ operation, context: { services }, progress, signal }: Work<"git">) => {
    const { reference } = operation;
    const keepGitDir = reference.keepGitDir ?? false;
    const fetched = await contexts.fetchGit({ reference, keepGitDir, services, progress }, signal);
    return sourceResult(await opened(fetched, digests));
  };
  return { key: neverCached, run };
}

async function opened(
  fetched: AsyncDisposable & { readonly directory: string },
  digests: FileDigests,
): Promise<SourceTree> {
  const release = () => Promise.resolve(fetched[Symbol.asyncDispose]());
  try {
    return new LocalTree({ path: fetched.directory }, undefined, digests, release);
  } catch (error) {
    await release();
    throw error;
  }
}
