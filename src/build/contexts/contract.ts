import type { Digest } from "../../lib/index.ts";
import type { ContextSource } from "../builder-contract.ts";
import type { GitReference } from "../dockerfile/index.ts";
import type { ClientServices } from "../ports.ts";

/** A directory that holds the files of a context for as long as it is held. Disposing of it gives it back. */
export interface OpenedContext extends AsyncDisposable {
  /** A path of this process that leads there: use it only while the context is held. */
  readonly path: string;
  /**
   * Whether the files are those of the user, whom nothing keeps from changing them, and who may keep more there than
   * was asked for. Otherwise they are a copy that nobody changes, of what was asked for.
   */
  readonly live: boolean;
  /** The address was that of a single file that is no archive: the Dockerfile, by this name at the top. */
  readonly dockerfile: string | undefined;
  /** For what the image says of its origin: an address without credentials, a commit. */
  readonly origin: string | undefined;
}

/** What a build wants of a context. Patterns are of `.dockerignore`'s kind; they count where files are sent. */
export interface ContextWish {
  /** BuildKit's names: `context`, `dockerfile`, or a named context's. */
  readonly name: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Paths whose links are followed; where there are any, nothing else is sent. */
  readonly follow: readonly string[];
  /** A directory of the build's own for what is needed by this build only. */
  readonly directory: string;
  readonly services: ClientServices;
  /** Of a repository whose address does not say: whether its `.git` stays. */
  readonly keepGitDir?: boolean | undefined;
  readonly progress?: TransferProgress | undefined;
}

export type TransferProgress = (part: string, currentBytes: number, totalBytes: number | undefined) => void;

/** All contexts but images, which are no files yet. */
export type FileContextSource = Exclude<ContextSource, { readonly kind: "image" }>;

export interface HttpRequest {
  readonly url: string;
  /** What the file is to be called; empty: as the server or the address says (`Content-Disposition`, last part). */
  readonly fileName: string;
  /** `sha256:…` (or 384, 512) that the content must have; empty for any. */
  readonly checksum: string;
  readonly services?: ClientServices | undefined;
  readonly progress?: TransferProgress | undefined;
}

/** A file that was fetched: `<directory>/<fileName>`, mode 0600, and nothing beside it. */
export interface FetchedFile extends AsyncDisposable {
  readonly directory: string;
  readonly fileName: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** `Last-Modified`, which is the file's time, too. */
  readonly modified: Date | undefined;
  readonly contentType: string;
}

export interface GitRequest {
  readonly reference: GitReference;
  /** `.git` stays in the checkout. */
  readonly keepGitDir: boolean;
  readonly services?: ClientServices | undefined;
  readonly progress?: TransferProgress | undefined;
}

/** A checkout of a repository, or of a folder of it. */
export interface FetchedRepository extends AsyncDisposable {
  readonly directory: string;
  /** In hexadecimal. */
  readonly commit: string;
}

/** What is kept between builds, for the cache's listing and its collection. */
export interface KeptSource {
  readonly id: string;
  /** BuildKit's: `source.local`, `source.git.checkout`, `regular` for downloads. */
  readonly type: "source.local" | "source.git.checkout" | "regular";
  readonly description: string;
  readonly sizeBytes: number;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly usageCount: number;
  readonly inUse: boolean;
}

/** The contexts of builds, and what is kept of them between two. One for each daemon. */
export interface Contexts extends AsyncDisposable {
  /** @throws what kept it from being brought here, in words for the user */
  open(source: FileContextSource, wish: ContextWish, signal: AbortSignal): Promise<OpenedContext>;
  /** Asks the server each time; takes the copy of last time where nothing changed. */
  fetchHttp(request: HttpRequest, signal: AbortSignal): Promise<FetchedFile>;
  /** Asks where the ref points to each time; takes the copy of last time where that commit is here. */
  fetchGit(request: GitRequest, signal: AbortSignal): Promise<FetchedRepository>;
  kept(): Promise<readonly KeptSource[]>;
  /** @returns bytes; 0 where it is in use or not here */
  remove(id: string): Promise<number>;
}
