import { cleanPath } from "../../lib/ignore/index.ts";
import { invalidParameter } from "../../lib/index.ts";
import { type FileKind, type Ownership, Turns, WHITEOUT_PREFIX } from "../../linux/index.ts";
import type { BaseEntry, BaseFiles } from "./base-files.ts";
import { modeOf, ownerOf } from "./digest.ts";
import type { ModeChange } from "./mode.ts";
import type { SelectedSource, SourceNode } from "./selection.ts";
import { below, follow, shown, type Tree } from "./tree.ts";

/** Of folders that nobody describes. */
const FOLDER_MODE = 0o755;
/** From so many files on that go into one folder of the base, that is read at once and not name by name. */
const MANY = 16;

/** A file of the layer that is to be made. */
export interface PlannedFile {
  readonly kind: FileKind;
  mode: number;
  uid: number;
  gid: number;
  mtimeNs: bigint;
  /** Where content and attributes come from; undefined of a folder that is made, or that the base has. */
  source: { readonly tree: Tree; readonly node: SourceNode } | undefined;
  /** What the base's folder has. */
  readonly baseXattrs: ReadonlyMap<string, Uint8Array> | undefined;
  /** Of a folder. */
  readonly children: Map<string, PlannedFile> | undefined;
  /** Nothing of the base is in this folder. */
  readonly isNew: boolean;
}

/** How files are to be copied. */
export interface CopyManner {
  /** Absolute; ends in a slash or `/.` where it must be a folder. */
  readonly destination: string;
  /** Of a folder its contents are copied, not itself (Dockerfiles'); else that holds only where the destination is missing. */
  readonly contentsOnly: boolean;
  /** Undefined: as the source has it. */
  readonly owner: Ownership | undefined;
  readonly change: ModeChange | undefined;
  /** Of folders that are made on the way to the destination; 0755 where no mode is given in numbers. */
  readonly folderMode: number | undefined;
}

/**
 * A layer that is to be put on a base, before anything is written: what comes where, by BuildKit's rules of copying (fsutil's
 * `copy`). Everything is looked up as the base shows it with what was planned so far; links of it are followed within its top.
 */
export class LayerPlan {
  readonly root: PlannedFile;
  readonly #base: BaseFiles | undefined;
  readonly #nowNs: bigint;
  readonly #leftOut: (path: string) => void;

  /**
   * @param base undefined where there is none
   * @param leftOut told of files whose name means something else in a layer: they are no part of it
   */
  constructor(base: BaseFiles | undefined, leftOut: (path: string) => void = () => {}) {
    this.#base = base;
    this.#nowNs = BigInt(Date.now()) * 1_000_000n;
    this.#leftOut = leftOut;
    this.root = this.#made(FOLDER_MODE, undefined, base === undefined);
  }

  /** Nothing would change. */
  get isEmpty(): boolean {
    return this.root.children!.size === 0;
  }

  /** Makes a folder, and those above it that are missing. @throws InvalidParameter where something else is in the way */
  makeDirectory(path: string, mode: number, owner: Ownership | undefined): void {
    const place = this.#follow(path);
    let end = 0;
    while (end < place.length) {
      const next = place.indexOf("/", end + 1);
      end = next < 0 ? place.length : next;
      const each = place.slice(0, end);
      const kind = this.#kindAt(each);
      if (kind === "directory") continue;
      if (kind !== undefined) throw invalidParameter(`mkdir ${shown(each)}: not a directory`);
      const { parent, name } = this.#parentOf(each);
      parent.children!.set(name, this.#made(mode, owner, true));
    }
  }

  /**
   * Plans a copy of one source.
   * @throws InvalidParameter `cannot copy to non-directory: /x`, `cannot replace to directory /x with file`
   */
  async copy(tree: Tree, { name, node }: SelectedSource, manner: CopyManner): Promise<void> {
    const { destination, contentsOnly, owner, folderMode = FOLDER_MODE } = manner;
    const isDirectory = node.entry.kind === "directory";
    const cut = destination.lastIndexOf("/") + 1;
    const last = destination.slice(cut);
    const ensured = last !== "" && last !== "." ? destination.slice(0, cut) : destination;
    this.makeDirectory(ensured, folderMode, owner);
    let target = this.#follow(cleanPath(destination));
    const there = this.#kindAt(target);
    if (isDirectory ? !contentsOnly && there !== undefined : there === "directory") {
      if (name !== "") target = below(target, name);
    }
    const made =
      contentsOnly && isDirectory && there === undefined ? target : target.replace(/\/?[^/]*$/, "");
    this.makeDirectory(`/${made}`, folderMode, owner);
    if (isDirectory) await this.#copyDirectory(tree, node, target, manner);
    else if (target !== "") {
      const { parent, name: own } = this.#parentOf(target);
      this.#copyFile(tree, node, parent, own, target, this.#kindAt(target), manner);
    }
  }

  /** Folders below the topmost get the source's attributes even where they are there already. */
  async #copyDirectory(tree: Tree, node: SourceNode, target: string, manner: CopyManner): Promise<void> {
    const turns = new Turns();
    const pending = [{ node, target, describes: false }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const directory = this.#enter(tree, next.node, next.target, manner, next.describes);
      const kinds = this.#kindsIn(next.target, directory, next.node.children!.length);
      for (const child of next.node.children!) {
        const path = below(next.target, child.name);
        if (child.name.startsWith(WHITEOUT_PREFIX)) this.#leftOut(shown(path));
        else if (child.entry.kind === "directory")
          pending.push({ node: child, target: path, describes: true });
        else this.#copyFile(tree, child, directory, child.name, path, kinds(child.name), manner);
      }
      const turn = turns.over();
      if (turn !== undefined) await turn;
    }
  }

  #enter(tree: Tree, node: SourceNode, target: string, manner: CopyManner, describes: boolean): PlannedFile {
    const there = target === "" ? "directory" : this.#kindAt(target);
    if (there !== undefined && there !== "directory") {
      throw invalidParameter(`cannot copy to non-directory: ${shown(target)}`);
    }
    if (there === undefined) {
      const { parent, name } = this.#parentOf(target);
      const directory = { ...this.#described(tree, node, manner), children: new Map(), isNew: true };
      parent.children!.set(name, directory);
      return directory;
    }
    const directory = this.#directoryAt(target);
    if (describes) {
      const { mode, uid, gid, source } = this.#described(tree, node, manner);
      Object.assign(directory, { mode, uid, gid, source });
    }
    directory.mtimeNs = node.entry.mtimeNs;
    return directory;
  }

  #copyFile(
    tree: Tree,
    node: SourceNode,
    parent: PlannedFile,
    name: string,
    path: string,
    there: FileKind | undefined,
    manner: CopyManner,
  ): void {
    if (there === "directory") throw invalidParameter(`cannot replace to directory ${shown(path)} with file`);
    // No archive can hold a socket.
    if (node.entry.kind === "socket" || name.startsWith(WHITEOUT_PREFIX)) this.#leftOut(shown(path));
    else parent.children!.set(name, this.#described(tree, node, manner));
  }

  #described(tree: Tree, node: SourceNode, { owner, change }: CopyManner): PlannedFile {
    const { kind, mtimeNs } = node.entry;
    const { uid, gid } = owner ?? ownerOf(tree, node);
    const mode = modeOf(tree, node);
    return {
      kind,
      mode: change === undefined || kind === "symlink" ? mode : change(mode, kind === "directory"),
      uid,
      gid,
      mtimeNs,
      source: { tree, node },
      baseXattrs: undefined,
      children: undefined,
      isNew: true,
    };
  }

  #made(mode: number, owner: Ownership | undefined, isNew: boolean): PlannedFile {
    return {
      kind: "directory",
      mode,
      uid: owner?.uid ?? 0,
      gid: owner?.gid ?? 0,
      mtimeNs: this.#nowNs,
      source: undefined,
      baseXattrs: undefined,
      children: new Map(),
      isNew,
    };
  }

  /** Where a destination leads. @throws InvalidParameter where a file is in the middle of it */
  #follow(path: string): string {
    const place = follow(
      { lookAt: (each) => this.#lookAt(each), readLink: (each) => this.#readLink(each) },
      path,
      { followLast: true },
    );
    if (place.blockedBy !== undefined) {
      throw invalidParameter(`lstat ${shown(place.path)}: not a directory`);
    }
    return place.path;
  }

  #lookAt(path: string): { readonly kind: FileKind } | undefined {
    const planned = this.#plannedAt(path);
    if (planned !== undefined) return planned;
    return this.#inBase(path);
  }

  #kindAt(path: string): FileKind | undefined {
    return this.#lookAt(path)?.kind;
  }

  #inBase(path: string): BaseEntry | undefined {
    return this.#base?.lookAt(path);
  }

  #readLink(path: string): string {
    const source = this.#plannedAt(path)?.source;
    return source === undefined ? this.#base!.readLink(path) : source.tree.root.readLink(source.node.path);
  }

  #plannedAt(path: string): PlannedFile | undefined {
    let here: PlannedFile | undefined = this.root;
    if (path === "") return here;
    for (const part of path.split("/")) {
      here = here.children?.get(part);
      if (here === undefined) return undefined;
    }
    return here;
  }

  /** What is in a folder, by name. */
  #kindsIn(path: string, directory: PlannedFile, count: number): (name: string) => FileKind | undefined {
    if (directory.isNew) return (name) => directory.children!.get(name)?.kind;
    if (count < MANY || this.#base === undefined || this.#inBase(path)?.kind !== "directory") {
      return (name) => this.#kindAt(below(path, name));
    }
    const kinds = this.#base.kindsIn(path);
    return (name) => directory.children!.get(name)?.kind ?? kinds.get(name);
  }

  #parentOf(path: string): { parent: PlannedFile; name: string } {
    const slash = path.lastIndexOf("/");
    return { parent: this.#directoryAt(slash < 0 ? "" : path.slice(0, slash)), name: path.slice(slash + 1) };
  }

  /** A folder that is there; those of the base become part of the layer with the attributes that they have there. */
  #directoryAt(path: string): PlannedFile {
    let here = this.root;
    if (path === "") return here;
    const parts = path.split("/");
    for (const [index, part] of parts.entries()) {
      let next = here.children!.get(part);
      if (next === undefined) {
        next = this.#adopted(parts.slice(0, index + 1).join("/"));
        here.children!.set(part, next);
      }
      here = next;
    }
    return here;
  }

  #adopted(path: string): PlannedFile {
    const { mode, uid, gid, mtimeNs } = this.#inBase(path)!;
    const xattrs = this.#base!.xattrs(path);
    return { ...this.#made(mode, { uid, gid }, false), mtimeNs, baseXattrs: xattrs };
  }
}
