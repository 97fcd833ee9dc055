import { encodeName, invalidParameter, type TarEntry, type TarSegment } from "../../lib/index.ts";
import {
  contentBytesOf,
  META_PREFIX,
  OPAQUE_MARK,
  placeOf,
  travels,
  WHITEOUT_PREFIX,
} from "../../linux/index.ts";
import type { LayerFacts, RootAttributes } from "../snapshots/snapshotter.ts";

/**
 * A file, directory or mark of a layer. Several names may share one (hard links). There is one object for each of
 * maybe a million files, so that it holds numbers where it can.
 */
export class Node {
  readonly kind: "file" | "directory" | "symlink" | "char" | "block" | "fifo";
  mode = 0;
  uid = 0;
  gid = 0;
  mtimeSeconds = 0;
  /** 0 … 999,999,999, also before 1970. */
  mtimeNanoseconds = 0;
  xattrs: ReadonlyMap<string, Uint8Array> | undefined;
  /** Of a directory. */
  readonly children: Map<string, Node> | undefined;
  /** Of a directory: it hides what the layers below have under its name. */
  opaque = false;
  /** Of a symbolic link. */
  target: string | undefined;
  /** Of a file: its length, where its bytes begin in the tar, and, where it has holes, which these are. */
  size = 0;
  dataOffset = 0;
  segments: readonly TarSegment[] | undefined;
  /** Of a device. */
  major = 0;
  minor = 0;
  /** What the index's maker notes: the inode's place and number, the first block of its own, and how many names. */
  at = 0;
  number = 0;
  blockAt = 0;
  links = 0;

  constructor(kind: Node["kind"]) {
    this.kind = kind;
    this.children = kind === "directory" ? new Map() : undefined;
  }

  describe({ mode, uid, gid, mtimeNs, xattrs }: TarEntry): this {
    this.mode = mode;
    this.uid = uid;
    this.gid = gid;
    this.setTime(mtimeNs);
    this.xattrs =
      xattrs.size === 0 ? undefined : new Map([...xattrs].filter(([attribute]) => travels(attribute)));
    return this;
  }

  setTime(mtimeNs: bigint): void {
    const nanoseconds = ((mtimeNs % BILLION) + BILLION) % BILLION;
    this.mtimeNanoseconds = Number(nanoseconds);
    this.mtimeSeconds = Number((mtimeNs - nanoseconds) / BILLION);
  }
}

const BILLION = 1_000_000_000n;

export type DirectoryNode = Node & { readonly children: Map<string, Node> };

/** As Linux has them (limits.h), the terminating NUL counted. */
const PATH_BYTES_MAX = 4096;
const NAME_BYTES_MAX = 255;
const LINKS_FOLLOWED_MAX = 40;

const show = (name: string) => JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
const refuse = (name: string, reason: string) => invalidParameter(`${show(name)}: ${reason}`);

/**
 * The tree that a layer's tar describes, built in memory from its headers by the same rules by which `extractTar`
 * makes files: names are looked up within the tree, links on the way are followed within it, the last of equal names
 * wins, whiteouts become overlayfs's marks. Nothing is made on the host, whatever a tar says.
 */
export class LayerTree {
  readonly root: DirectoryNode = directoryNode(0n);
  readonly #entriesMax: number;
  /** Hard links whose target has not come yet. */
  readonly #waiting: TarEntry[] = [];
  #entries = 0;
  #contentBytes = 0;
  #rootAttributes: RootAttributes | undefined;
  /** Entries often come directory by directory. */
  #last: { path: string; node: DirectoryNode } | undefined;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get facts(): LayerFacts {
    return { entries: this.#entries, contentBytes: this.#contentBytes, root: this.#rootAttributes };
  }

  /** @throws InvalidParameter for names that lead out, files in the way of directories, and beyond the limits */
  add(entry: TarEntry): void {
    if (++this.#entries > this.#entriesMax) {
      throw invalidParameter(`the archive has more than ${this.#entriesMax} entries`);
    }
    this.#contentBytes += contentBytesOf(entry);
    checkLength(entry.name);
    const place = placeOf(entry.name);
    if (place === undefined) {
      if (entry.kind === "directory") this.#describeRoot(entry);
      return;
    }
    if (encodeName(place.name).length > NAME_BYTES_MAX)
      throw refuse(place.name, "ENAMETOOLONG: file name too long");
    if (place.name.startsWith(WHITEOUT_PREFIX)) this.#whiteout(place.directory, place.name);
    else if (!(place.directory || place.name).startsWith(META_PREFIX))
      this.#place(place.directory, place.name, entry);
  }

  /** Links that came before what they link to. @throws InvalidParameter where that never came */
  finish(): void {
    for (const entry of this.#waiting) {
      const place = placeOf(entry.name)!;
      const parent = this.#directory(place.directory, entry.mtimeNs);
      if (parent.children.has(place.name)) continue;
      const target = this.#linkTarget(entry);
      if (target === undefined) {
        throw invalidParameter(
          `hard link ${show(entry.name)} to ${show(entry.linkName)}, which is not there`,
        );
      }
      parent.children.set(place.name, target);
    }
  }

  #describeRoot(entry: TarEntry): void {
    this.root.describe(entry);
    this.#rootAttributes = { mode: entry.mode, uid: entry.uid, gid: entry.gid };
  }

  #whiteout(directory: string, name: string): void {
    const parent = this.#directory(directory, 0n);
    if (name === OPAQUE_MARK) {
      parent.opaque = true;
      return;
    }
    if (name.startsWith(META_PREFIX)) return;
    const target = name.slice(WHITEOUT_PREFIX.length);
    if (target === "" || target === "." || target === "..") throw refuse(name, "invalid whiteout name");
    const there = parent.children.get(target);
    // What the same layer has under this name hides the lower one by itself, unless both are directories.
    if (there === undefined) parent.children.set(target, whiteoutNode());
    else if (there.kind === "directory") there.opaque = true;
  }

  #place(directory: string, name: string, entry: TarEntry): void {
    const parent = this.#directory(directory, entry.mtimeNs);
    const there = parent.children.get(name);
    if (entry.kind === "directory") {
      if (there?.kind === "directory") there.describe(entry);
      else {
        const node = new Node("directory").describe(entry);
        // A whiteout that became a directory: the lower directory of that name is still gone.
        if (there !== undefined && isWhiteoutNode(there)) node.opaque = true;
        this.#replace(parent, name, node);
      }
    } else if (entry.kind === "hardlink") this.#hardLink(parent, directory, name, entry);
    else this.#replace(parent, name, nodeOf(entry));
  }

  #replace(parent: DirectoryNode, name: string, node: Node): void {
    // What a path leads to may be another directory now.
    if (parent.children.has(name)) this.#last = undefined;
    parent.children.set(name, node);
  }

  #hardLink(parent: DirectoryNode, directory: string, name: string, entry: TarEntry): void {
    const place = placeOf(entry.linkName);
    if (place?.directory === directory && place.name === name) return;
    if (parent.children.has(name)) this.#last = undefined;
    parent.children.delete(name);
    const target = this.#linkTarget(entry);
    if (target === undefined) this.#waiting.push(entry);
    else parent.children.set(name, target);
  }

  /** The link's last name is not followed: a symbolic link is linked itself. */
  #linkTarget(entry: TarEntry): Node | undefined {
    checkLength(entry.linkName);
    const place = placeOf(entry.linkName);
    if (place === undefined) throw refuse(entry.linkName, "invalid hard link target");
    const target = this.#find(place.directory)?.children.get(place.name);
    if (target?.kind === "directory")
      throw refuse(entry.linkName, "EPERM: a hard link's target is a directory");
    return target;
  }

  /** The directory of a cleaned path, made where it is missing. */
  #directory(path: string, mtimeNs: bigint): DirectoryNode {
    if (path === "") return this.root;
    if (this.#last?.path === path) return this.#last.node;
    const node = new Resolution(this.root, path).resolve((parent, name) => {
      const there = parent.children.get(name);
      if (there !== undefined && !isWhiteoutNode(there)) throw refuse(path, "ENOTDIR: not a directory");
      const made = directoryNode(mtimeNs);
      if (there !== undefined) made.opaque = true;
      parent.children.set(name, made);
      return made;
    });
    this.#last = { path, node: node! };
    return node!;
  }

  #find(path: string): DirectoryNode | undefined {
    return path === "" ? this.root : new Resolution(this.root, path).resolve(() => undefined);
  }
}

/** A path on its way through the tree, with links followed as the kernel follows them within a root. */
class Resolution {
  readonly #path: string;
  /** From the root down to where the resolution is. */
  readonly #stack: DirectoryNode[];
  #followed = 0;

  constructor(root: DirectoryNode, path: string) {
    this.#stack = [root];
    this.#path = path;
  }

  /** @param missing makes the directory that a name of the path itself, not of a link, lacks */
  resolve(
    missing: (parent: DirectoryNode, name: string) => DirectoryNode | undefined,
  ): DirectoryNode | undefined {
    for (const name of this.#path.split("/")) {
      const parent = this.#stack.at(-1)!;
      if (this.#step(name)) continue;
      const made = missing(parent, name);
      if (made === undefined) return undefined;
      this.#stack.push(made);
    }
    return this.#stack.at(-1)!;
  }

  /** Goes on by one name. @returns false where that is no directory and leads to none */
  #step(name: string): boolean {
    if (name === "" || name === ".") return true;
    if (name === "..") {
      if (this.#stack.length > 1) this.#stack.pop();
      return true;
    }
    const node = this.#stack.at(-1)!.children.get(name);
    if (node?.kind === "directory") {
      this.#stack.push(node as DirectoryNode);
      return true;
    }
    return node?.kind === "symlink" && this.#follow(node.target!);
  }

  #follow(target: string): boolean {
    if (++this.#followed > LINKS_FOLLOWED_MAX) throw refuse(this.#path, "ELOOP: too many links");
    const before = [...this.#stack];
    if (target.startsWith("/")) this.#stack.length = 1;
    for (const name of target.split("/")) {
      if (this.#step(name)) continue;
      this.#stack.splice(0, this.#stack.length, ...before);
      return false;
    }
    return true;
  }
}

function checkLength(name: string): void {
  if (name.length * 3 >= PATH_BYTES_MAX && encodeName(name).length >= PATH_BYTES_MAX) {
    throw refuse(name, "ENAMETOOLONG: file name too long");
  }
}

/** One that no entry describes. */
function directoryNode(mtimeNs: bigint): DirectoryNode {
  const node = new Node("directory");
  node.mode = 0o755;
  node.setTime(mtimeNs);
  return node as DirectoryNode;
}

/** A character device 0:0. */
function whiteoutNode(): Node {
  return new Node("char");
}

function isWhiteoutNode(node: Node): boolean {
  return node.kind === "char" && node.major === 0 && node.minor === 0;
}

function nodeOf(entry: TarEntry): Node {
  switch (entry.kind) {
    case "file": {
      const node = new Node("file").describe(entry);
      node.size = entry.size;
      node.dataOffset = entry.dataOffset;
      node.segments = entry.segments;
      return node;
    }
    case "symlink": {
      if (entry.linkName === "") throw refuse(entry.name, "the link has no target");
      checkLength(entry.linkName);
      const node = new Node("symlink").describe(entry);
      node.mode = 0o777;
      node.target = entry.linkName;
      return node;
    }
    case "char":
    case "block": {
      const node = new Node(entry.kind).describe(entry);
      node.major = entry.major;
      node.minor = entry.minor;
      return node;
    }
    case "fifo":
      return new Node("fifo").describe(entry);
    default:
      throw refuse(entry.name, `unhandled tar header type ${entry.typeFlag}`);
  }
}
