import { constants, readSync } from "node:fs";
import { encodeHeader, padding, TAR_END, type TarKind } from "../../lib/index.ts";
import { closeDescriptor, type DirHandle, scanPath, Turns } from "../../linux/index.ts";
import type { BaseEntry, LayerShape } from "./base-files.ts";
import { readXattrs } from "./hash-entries.ts";
import type { LayerPlan, PlannedFile } from "./layer-plan.ts";
import type { SourceNode } from "./selection.ts";
import { changed, checkRead, opening, readSource } from "./source-file.ts";
import { below, openDirectory, type Tree } from "./tree.ts";

const CHUNK_BYTES = 256 * 1024;
/** Files up to this size are read at once. */
const SMALL_BYTES = 128 * 1024;
const SECOND_NS = 1_000_000_000n;

export interface LayerTarOptions {
  /** Seconds since 1970: nothing is younger. */
  readonly epoch: number | undefined;
  readonly signal: AbortSignal;
  /** Learns what is in the layer. */
  readonly shape?: LayerShape | undefined;
}

/**
 * The tar of a planned layer, straight from the sources: entries in the order of their names, times in whole seconds (as
 * containerd's), owners in numbers, files that are one become one again. The same plan of the same files gives the same bytes.
 * Chunks belong to the receiver.
 * @throws InvalidParameter where a source is no longer what was selected
 */
export async function* layerTar(
  plan: LayerPlan,
  options: LayerTarOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  using writer = new LayerWriter(options);
  yield* writer.all(plan);
}

class LayerWriter implements Disposable {
  readonly #options: LayerTarOptions;
  readonly #turns = new Turns();
  /** The first name of each file that has several, by source and file. */
  readonly #links = new Map<Tree, Map<string, string>>();
  #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #filled = 0;
  /** Files often come folder by folder. */
  #folder: { readonly tree: Tree; readonly path: string; readonly handle: DirHandle } | undefined;

  constructor(options: LayerTarOptions) {
    this.#options = options;
  }

  [Symbol.dispose](): void {
    this.#folder?.handle.close();
    this.#folder = undefined;
  }

  async *all({ root }: LayerPlan): AsyncGenerator<Uint8Array, void, undefined> {
    const pending: { readonly path: string; readonly file: PlannedFile }[] = [{ path: "", file: root }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { path, file } = next;
      if (path !== "") {
        // What is small goes into the chunk without any waiting.
        const large = this.#entry(path, file);
        if (large !== undefined) yield* large;
        else if (this.#filled >= CHUNK_BYTES) yield this.#takeChunk();
        if (this.#filled > CHUNK_BYTES - SMALL_BYTES - 4096) yield this.#takeChunk();
      }
      if (file.children !== undefined) {
        const names = [...file.children.keys()].sort().reverse();
        for (const name of names) pending.push({ path: below(path, name), file: file.children.get(name)! });
      }
      this.#options.signal.throwIfAborted();
      const turn = this.#turns.over();
      if (turn !== undefined) await turn;
    }
    yield Buffer.concat([this.#takeChunk(), TAR_END]);
  }

  /** Puts an entry into the chunk, or, where that would be too long, returns how it is to be handed over. */
  #entry(path: string, file: PlannedFile): AsyncGenerator<Uint8Array, void, undefined> | undefined {
    const { source } = file;
    if (file.kind === "directory" || source === undefined) {
      const common = this.#common(file);
      this.#tell(path, file, common);
      return this.#put(encodeHeader({ ...common, name: `${path}/`, kind: "directory" }));
    }
    const { tree, node } = source;
    const first = this.#firstName(tree, node, path);
    if (first !== undefined) {
      this.#tell(path, file, this.#plain(file));
      return this.#put(encodeHeader({ ...this.#plain(file), name: path, kind: "hardlink", linkName: first }));
    }
    if (file.kind === "file") return this.#file(path, file, tree, node);
    const numbers =
      file.kind === "char" || file.kind === "block"
        ? tree.root.stat(node.path, { follow: false })
        : undefined;
    const linkName = file.kind === "symlink" ? tree.root.readLink(node.path) : "";
    if (scanPath(tree.root, node.path)?.identity !== node.entry.identity) throw changed(node.path);
    const common = this.#common(file);
    this.#tell(path, file, { ...common, linkName });
    return this.#put(
      encodeHeader({
        ...common,
        name: path,
        kind: file.kind as TarKind,
        linkName,
        major: numbers?.major ?? 0,
        minor: numbers?.minor ?? 0,
      }),
    );
  }

  #tell(path: string, { kind }: PlannedFile, facts: Omit<BaseEntry, "kind"> & { linkName?: string }): void {
    this.#options.shape?.add(path, { kind, ...facts });
  }

  #put(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> | undefined {
    if (this.#filled + bytes.length > CHUNK_BYTES) return this.#over(bytes);
    this.#chunk.set(bytes, this.#filled);
    this.#filled += bytes.length;
    return undefined;
  }

  /** A header that is as long as many attributes and names can make it. */
  async *#over(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#filled > 0) yield this.#takeChunk();
    yield bytes;
  }

  #firstName(tree: Tree, { entry }: SourceNode, path: string): string | undefined {
    if (entry.nlink < 2) return undefined;
    const links = this.#links.get(tree) ?? new Map<string, string>();
    this.#links.set(tree, links);
    const first = links.get(entry.fileId);
    if (first === undefined) links.set(entry.fileId, path);
    return first;
  }

  #plain({ mode, uid, gid, mtimeNs }: PlannedFile) {
    const { epoch } = this.#options;
    let seconds = mtimeNs / SECOND_NS;
    if (epoch !== undefined && seconds > epoch) seconds = BigInt(epoch);
    return { mode, uid, gid, mtimeNs: seconds * SECOND_NS };
  }

  #common(file: PlannedFile) {
    const own = file.source && this.#xattrs(file.source.tree, file.source.node);
    const { baseXattrs } = file;
    const xattrs = baseXattrs !== undefined && own !== undefined ? new Map([...baseXattrs, ...own]) : own;
    return { ...this.#plain(file), xattrs: xattrs ?? baseXattrs ?? NONE };
  }

  #xattrs(tree: Tree, node: SourceNode): ReadonlyMap<string, Uint8Array> {
    if (node.xattrs !== undefined || node.path === "") return node.xattrs ?? NONE;
    const { handle, name } = this.#place(tree, node.path);
    return readXattrs(handle, name);
  }

  #place(tree: Tree, path: string): { readonly handle: DirHandle; readonly name: string } {
    const slash = path.lastIndexOf("/");
    const folder = slash < 0 ? "" : path.slice(0, slash);
    if (this.#folder?.tree !== tree || this.#folder.path !== folder) {
      const handle = opening(path, () => openDirectory(tree, folder));
      this.#folder?.handle.close();
      this.#folder = { tree, path: folder, handle };
    }
    return { handle: this.#folder.handle, name: path.slice(slash + 1) };
  }

  #file(
    path: string,
    file: PlannedFile,
    tree: Tree,
    node: SourceNode,
  ): AsyncGenerator<Uint8Array, void, undefined> | undefined {
    const { size } = node.entry;
    const common = this.#common(file);
    this.#tell(path, file, common);
    const header = encodeHeader({ ...common, name: path, kind: "file", size });
    const { handle, name } = this.#place(tree, node.path);
    const fd = opening(node.path, () => handle.open(name, constants.O_RDONLY));
    let isOurs = true;
    try {
      if (header.length + size > SMALL_BYTES) {
        isOurs = false;
        return this.#largeFile(header, fd, node);
      }
      this.#put(header);
      const start = this.#filled;
      const content = this.#chunk.subarray(start, start + size);
      const count = size === 0 ? 0 : readSync(fd, content, 0, size, 0);
      checkRead(fd, node, count, () => Bun.CryptoHasher.hash("sha256", content).toString("latin1"));
      this.#filled += size;
      return this.#put(padding(size));
    } finally {
      if (isOurs) closeDescriptor(fd);
    }
  }

  async *#largeFile(
    header: Uint8Array,
    fd: number,
    node: SourceNode,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      if (this.#filled > 0) yield this.#takeChunk();
      yield header;
      yield* readSource(fd, node, this.#options.signal);
      this.#put(padding(node.entry.size));
    } finally {
      closeDescriptor(fd);
    }
  }

  #takeChunk(): Uint8Array {
    const full = this.#chunk.subarray(0, this.#filled);
    this.#chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.#filled = 0;
    return full;
  }
}

const NONE: ReadonlyMap<string, Uint8Array> = new Map();
