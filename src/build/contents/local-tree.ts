import { type Digest, invalidParameter, notFound } from "../../lib/index.ts";
import { openRoot, type RootDir } from "../../linux/index.ts";
import type { SourceTree } from "../solve/contract.ts";
import type { FileDigests } from "./file-digests.ts";
import { FolderHelp } from "./fingerprint-thread.ts";
import { select } from "./selection.ts";
import { sourceTree } from "./tree.ts";

/** A directory of this machine as a source. */
export class LocalTree implements SourceTree {
  readonly root: RootDir;
  readonly includes: SourceTree["includes"];
  readonly shownAs: string | undefined;
  readonly help: FolderHelp;
  readonly #digests: FileDigests;
  readonly #release: () => Promise<void> | void;

  /** @param release gives back what holds the directory */
  constructor(
    directory: { readonly path: string; readonly shownAs?: string },
    includes: SourceTree["includes"],
    digests: FileDigests,
    release: () => Promise<void> | void = () => {},
  ) {
    this.root = openRoot(directory.path);
    this.help = new FolderHelp(this.root);
    this.includes = includes;
    this.shownAs = directory.shownAs;
    this.#digests = digests;
    this.#release = release;
  }

  async fileDigest(path: string): Promise<Digest> {
    await this.#digests.load();
    const signal = new AbortController().signal;
    const choice = { path: `/${path}`, wildcards: false };
    const tree = sourceTree(this, this.#digests);
    const [source] = await select(tree, choice, { withDigests: true, signal });
    if (source === undefined) throw notFound(`${JSON.stringify(path)}: not found`);
    const { digest } = source.node;
    if (digest === undefined) throw invalidParameter(`${JSON.stringify(path)} is not a regular file`);
    return `sha256:${Buffer.from(digest, "latin1").toString("hex")}` as Digest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.help[Symbol.dispose]();
    this.root.close();
    await this.#release();
  }
}
