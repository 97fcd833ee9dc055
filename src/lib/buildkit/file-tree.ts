import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { constants, open } from "node:fs/promises";
import { IgnorePattern, IgnoreRules } from "../ignore/index.ts";
import { followLinks } from "./follow-links.ts";
import { formatGoMode, type GoKind } from "./go-mode.ts";
import type { FileFacts } from "./packets.ts";

/** Which of a tree's files are of interest; patterns are of `.dockerignore`'s kind. */
export interface TreeFilter {
  /** Empty, and nothing to follow: all. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Paths that are included with all links on their way. */
  readonly follow: readonly string[];
}

/** Files to be sent. */
export interface FileTree {
  /** Folders before what is in them, entries of a folder by name. */
  walk(): AsyncIterable<FileFacts>;
  /** The content of a regular file that `walk` told. */
  read(path: string): AsyncIterable<Uint8Array>;
}

const PIECE_BYTES = 128 * 1024;
/** How many entries are looked at before others have their turn. */
const ENTRIES_AT_ONCE = 500;
const NO_XATTRS = new Map<string, Uint8Array>();

/** The files of a folder of this machine, all as root's, which is how contexts are sent. */
export function openFileTree(root: string, filter: TreeFilter): FileTree {
  return {
    walk: () => walkFolder(root, filter),
    read: (path) => readLocal(`${root}/${path}`),
  };
}

async function* walkFolder(root: string, filter: TreeFilter): AsyncGenerator<FileFacts, void, undefined> {
  const walk = new Walk(root, filter);
  let count = 0;
  for (const facts of walk.entries("")) {
    yield facts;
    if (++count % ENTRIES_AT_ONCE === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

class Walk {
  readonly #root: string;
  readonly #exclude: IgnoreRules;
  readonly #include: IgnoreRules | undefined;
  /** Files of which there are several names: the first. */
  readonly #firstNames = new Map<string, string>();

  constructor(root: string, { include, exclude, follow }: TreeFilter) {
    this.#root = root;
    this.#exclude = new IgnoreRules(exclude);
    const followed = follow.length === 0 ? [] : followLinks(root, follow);
    const all = [...include, ...(followed ?? []).map(asPattern)];
    this.#include = all.length === 0 || followed === undefined ? undefined : new IgnoreRules(all);
  }

  *entries(folder: string): Generator<FileFacts, void, undefined> {
    for (const name of sortedNames(`${this.#root}/${folder}`)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const isLeftOut = this.#exclude.leavesOut(path);
      if (isLeftOut && !(this.#exclude.hasExceptions && this.#exclude.mayBringBack(path))) continue;
      const facts = this.#facts(path);
      if (facts === undefined) continue;
      const isIncluded = !isLeftOut && (this.#include === undefined || this.#include.leavesOut(path));
      const isFolder = (facts.mode & 0x8000_0000) !== 0;
      if (!isFolder) {
        if (isIncluded) yield this.#linked(facts);
      } else if (isIncluded) {
        yield facts;
        yield* this.entries(path);
      } else yield* this.#below(facts);
    }
  }

  /** A folder that is not wanted is told with the first of what is wanted in it. */
  *#below(folder: FileFacts): Generator<FileFacts, void, undefined> {
    if (this.#include !== undefined && !this.#include.mayMatchBelow(folder.path)) return;
    let told = false;
    for (const facts of this.entries(folder.path)) {
      if (!told) yield folder;
      told = true;
      yield facts;
    }
  }

  #facts(path: string): (FileFacts & { readonly identity?: string }) | undefined {
    const whole = `${this.#root}/${path}`;
    const stat = lstatSync(whole, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    const kind = KINDS[Number(stat.mode & 0o170000n)];
    // A socket is nothing that could be copied.
    if (kind === undefined || kind === "socket") return undefined;
    const facts = {
      path,
      mode: formatGoMode(kind, kind === "symlink" ? 0o777 : Number(stat.mode & 0o7777n)),
      uid: 0,
      gid: 0,
      size: kind === "file" ? Number(stat.size) : 0,
      modified: stat.mtimeNs,
      linkName: kind === "symlink" ? readlinkSync(whole) : "",
      ...(kind === "char" || kind === "block" ? deviceNumbers(stat.rdev) : { major: 0, minor: 0 }),
      xattrs: NO_XATTRS,
    };
    return kind === "file" && stat.nlink > 1n ? { ...facts, identity: `${stat.dev}:${stat.ino}` } : facts;
  }

  #linked(facts: FileFacts & { readonly identity?: string }): FileFacts {
    if (facts.identity === undefined) return facts;
    const { identity, ...rest } = facts;
    const first = this.#firstNames.get(identity);
    if (first !== undefined) return { ...rest, linkName: first };
    this.#firstNames.set(identity, facts.path);
    return rest;
  }
}

/** Followed paths may have wildcards; what is no pattern is a name. */
function asPattern(path: string): string {
  try {
    new IgnorePattern(path);
    return path;
  } catch {
    return path.replaceAll(/[\\*?[\]]/g, "\\$&");
  }
}

const KINDS: Readonly<Record<number, GoKind>> = {
  [constants.S_IFREG]: "file",
  [constants.S_IFDIR]: "directory",
  [constants.S_IFLNK]: "symlink",
  [constants.S_IFIFO]: "fifo",
  [constants.S_IFSOCK]: "socket",
  [constants.S_IFCHR]: "char",
  [constants.S_IFBLK]: "block",
};

/** By bytes, as Go sorts. */
function sortedNames(folder: string): string[] {
  const names = readdirSync(folder);
  const isPlain = names.every((name) => /^[\0-\x7f]*$/.test(name));
  return isPlain ? names.sort() : names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** Linux's encoding of a `dev_t` (makedev(3)). */
function deviceNumbers(rdev: bigint): { major: number; minor: number } {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn & 0xffffffffn);
  return { major: Number(major), minor: Number(minor) };
}

async function* readLocal(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(PIECE_BYTES), 0, PIECE_BYTES);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** Files that are nowhere but in memory, at the top of a tree. */
export function memoryTree(files: ReadonlyMap<string, Uint8Array>): FileTree {
  const mode = formatGoMode("file", 0o644);
  return {
    async *walk() {
      for (const [path, { length: size }] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const none = { uid: 0, gid: 0, modified: 0n, linkName: "", major: 0, minor: 0, xattrs: NO_XATTRS };
        yield { path, mode, size, ...none };
      }
    },
    async *read(path) {
      const bytes = files.get(path) ?? new Uint8Array(0);
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
    },
  };
}
