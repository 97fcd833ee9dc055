import { join } from "node:path";
import { invalidParameter } from "../../lib/index.ts";
import { treeBytes } from "../../linux/index.ts";
import type { FileSync } from "../builder-contract.ts";
import { type GitReference, parseGitReference } from "../dockerfile/index.ts";
import type {
  Contexts,
  ContextWish,
  FetchedFile,
  FetchedRepository,
  FileContextSource,
  GitRequest,
  HttpRequest,
  KeptSource,
  OpenedContext,
} from "./contract.ts";
import { fetchRepository } from "./git.ts";
import { fetchFile } from "./http.ts";
import { Shelf } from "./shelf.ts";
import { unpackContext } from "./tar.ts";
import { redactUrl } from "./urls.ts";

/** @param root a directory of its own, made where it is missing */
export async function openContexts(root: string): Promise<Contexts> {
  const [mirrors, downloads, repositories] = await Promise.all(
    ["mirrors", "downloads", "repositories"].map((name) => Shelf.open(join(root, name))),
  );
  return new KeptContexts({ mirrors: mirrors!, downloads: downloads!, repositories: repositories! });
}

interface ShelfSet {
  readonly mirrors: Shelf;
  readonly downloads: Shelf;
  readonly repositories: Shelf;
}

const TYPES = {
  mirrors: "source.local",
  downloads: "regular",
  repositories: "source.git.checkout",
} as const;

class KeptContexts implements Contexts {
  readonly #shelves: ShelfSet;

  constructor(shelves: ShelfSet) {
    this.#shelves = shelves;
  }

  async open(source: FileContextSource, wish: ContextWish, signal: AbortSignal): Promise<OpenedContext> {
    switch (source.kind) {
      case "directory": {
        const directory = await source.open(signal);
        const dispose = async () => directory[Symbol.dispose]();
        return {
          path: directory.path,
          live: true,
          dockerfile: undefined,
          origin: undefined,
          [Symbol.asyncDispose]: dispose,
        };
      }
      case "session":
        return this.#mirror(source.sync, wish, signal);
      case "tar": {
        const { path, dockerfile } = await unpackContext(source.bytes, wish.directory, signal);
        // It is in the build's own directory, and goes with it.
        return { path, live: false, dockerfile, origin: undefined, [Symbol.asyncDispose]: async () => {} };
      }
      case "remote":
        return this.#remote(source.url, wish, signal);
    }
  }

  async #mirror(sync: FileSync, wish: ContextWish, signal: AbortSignal): Promise<OpenedContext> {
    const { name, include, exclude, follow, progress } = wish;
    const shelf = this.#shelves.mirrors;
    // What is fetched for another purpose, as the ignore file alone, is another copy: they would take turns in removing each
    // other's files.
    const key = `${sync.sharedKey(name)} ${JSON.stringify(include)}`;
    const place = await shelf.takeAlone(key, `local source for ${name}`);
    try {
      const report = (bytes: number) => progress?.(`transferring ${name}:`, bytes, undefined);
      await sync.sync(name, place.path, { include, exclude, follow, progress: report }, signal);
    } catch (error) {
      shelf.giveBack(place.id);
      throw error;
    }
    return opened(place.path, undefined, undefined, async () => shelf.giveBack(place.id));
  }

  async #remote(url: string, wish: ContextWish, signal: AbortSignal): Promise<OpenedContext> {
    const reference = gitReferenceOf(url);
    const { services, progress } = wish;
    if (reference !== undefined) {
      const keepGitDir = reference.keepGitDir ?? wish.keepGitDir ?? false;
      const repository = await this.fetchGit({ reference, keepGitDir, services, progress }, signal);
      const origin = `${redactUrl(reference.remote)}#${repository.commit}`;
      return opened(repository.directory, undefined, origin, async () => repository[Symbol.asyncDispose]());
    }
    if (!/^https?:\/\//i.test(url)) {
      throw invalidParameter(
        `unable to prepare context: ${JSON.stringify(redactUrl(url))} is no address of a context`,
      );
    }
    await using file = await this.fetchHttp(
      { url, fileName: "context", checksum: "", services, progress },
      signal,
    );
    const bytes = Bun.file(join(file.directory, file.fileName)).stream();
    const { path, dockerfile } = await unpackContext(bytes, wish.directory, signal);
    return opened(path, dockerfile, redactUrl(url), async () => {});
  }

  fetchHttp(request: HttpRequest, signal: AbortSignal): Promise<FetchedFile> {
    return fetchFile(this.#shelves.downloads, request, signal);
  }

  fetchGit(request: GitRequest, signal: AbortSignal): Promise<FetchedRepository> {
    return fetchRepository(this.#shelves.repositories, request, signal);
  }

  async kept(): Promise<readonly KeptSource[]> {
    const lists = Object.entries(this.#shelves).map(([kind, shelf]: [string, Shelf]) =>
      shelf.list().map(async (entry): Promise<KeptSource> => {
        const { id, description, inUse, usageCount } = entry;
        return {
          id,
          type: TYPES[kind as keyof ShelfSet],
          description,
          sizeBytes: await treeBytes(entry.path),
          createdAt: new Date(entry.createdAt),
          lastUsedAt: new Date(entry.lastUsedAt),
          usageCount,
          inUse,
        };
      }),
    );
    return Promise.all(lists.flat());
  }

  async remove(id: string): Promise<number> {
    for (const shelf of Object.values(this.#shelves) as Shelf[]) {
      const entry = shelf.list().find((one) => one.id === id && !one.inUse);
      if (entry === undefined) continue;
      const bytes = await treeBytes(entry.path);
      await shelf.discard(id);
      return bytes;
    }
    return 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function opened(
  path: string,
  dockerfile: string | undefined,
  origin: string | undefined,
  close: () => Promise<void>,
): OpenedContext {
  let isOpen = true;
  return {
    path,
    live: false,
    dockerfile,
    origin,
    async [Symbol.asyncDispose]() {
      if (isOpen) await close();
      isOpen = false;
    },
  };
}

/** Docker's short form of a repository's address is one, too. */
function gitReferenceOf(url: string): GitReference | undefined {
  return parseGitReference(url.startsWith("github.com/") ? `https://${withGitEnding(url)}` : url);
}

/** `github.com/user/repository#ref` */
function withGitEnding(url: string): string {
  const [path = "", ...rest] = url.split("#");
  return [path.endsWith(".git") ? path : `${path}.git`, ...rest].join("#");
}
