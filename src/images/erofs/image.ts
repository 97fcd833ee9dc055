import { encodeName, invalidParameter } from "../../lib/index.ts";
import { makeDevice, Turns } from "../../linux/index.ts";
import { type Chunk, type CopiedChunk, planChunks } from "./chunks.ts";
import {
  type Dirent,
  type DirentBlock,
  directoryBytes,
  layOutDirectory,
  writeDirentBlock,
} from "./directory.ts";
import {
  BLOCK_BITS,
  BLOCK_BYTES,
  CHUNK_INDEX_BYTES,
  CHUNK_INDEXES,
  encodeXattrs,
  INODE_BYTES,
  INODE_SLOT_BYTES,
  LAYOUT,
  META_AT,
  NULL_ADDRESS,
  writeChunkIndex,
  writeInode,
  writeSuperblock,
  XATTR_NAME_BYTES_MAX,
  XATTR_VALUE_BYTES_MAX,
  XATTRS_BYTES_MAX,
} from "./format.ts";
import type { DirectoryNode, Node } from "./tree.ts";

/** An index, ready to be written to a file. */
export interface ErofsImage {
  /** The file's first bytes: everything but the copied chunks. */
  readonly bytes: Buffer;
  /** The file's whole length. */
  readonly sizeBytes: number;
  /** Stretches of the tar that have to be copied behind the bytes, because the index cannot point at them. */
  readonly copies: readonly CopiedChunk[];
}

/** A node with its place in the image. */
interface Placed {
  readonly node: Node;
  readonly number: number;
  readonly xattrs: Buffer;
  links: number;
  /** Offset of the inode in the image. */
  at: number;
  /** What lies with the inode or in blocks of its own. */
  body: Body;
  /** First block of a body that has its own. */
  blockAt: number;
}

type Body =
  | { readonly type: "none" }
  | { readonly type: "bytes"; readonly bytes: Uint8Array; inline: boolean }
  | {
      readonly type: "directory";
      readonly blocks: readonly DirentBlock[];
      readonly size: number;
      inline: boolean;
    }
  | { readonly type: "chunks"; readonly chunkBits: number; readonly chunks: readonly Chunk[] };

const TYPES = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  char: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
};
const DIRENT_TYPES = { file: 1, directory: 2, char: 3, block: 4, fifo: 5, symlink: 7 };

const OPAQUE: [string, Uint8Array] = ["trusted.overlay.opaque", Uint8Array.of(0x79)];

/** Makes the EROFS image of a layer's tree; the files' content stays in the tar, which is the image's device. */
export async function makeImage(root: DirectoryNode, tarBytes: number): Promise<ErofsImage> {
  return await new ImageMaker(root, tarBytes).make();
}

class ImageMaker {
  readonly #placed: Placed[] = [];
  readonly #byNode = new Map<Node, Placed>();
  readonly #root: DirectoryNode;
  readonly #tarBytes: number;
  readonly #turns = new Turns();
  #metaEnd = META_AT;

  constructor(root: DirectoryNode, tarBytes: number) {
    this.#root = root;
    this.#tarBytes = tarBytes;
  }

  async make(): Promise<ErofsImage> {
    await this.#enumerate();
    for (const placed of this.#placed) {
      this.#place(placed);
      await this.#turns.over();
    }
    const blocksEnd = this.#placeBlocks(Math.ceil(this.#metaEnd / BLOCK_BYTES));
    const copies = this.#placeCopies(blocksEnd);
    const bytes = Buffer.alloc(blocksEnd * BLOCK_BYTES);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const placed of this.#placed) {
      this.#write(bytes, view, placed);
      await this.#turns.over();
    }
    const last = copies.at(-1);
    const blocks = last === undefined ? blocksEnd : last.blockAddress + last.chunkBytes / BLOCK_BYTES;
    writeSuperblock(view, {
      rootNid: nidOf(this.#placed[0]!),
      inodes: this.#placed.length,
      blocks: Math.min(blocks, 0xffff_ffff),
      deviceBlocks: Math.min(Math.ceil(this.#tarBytes / BLOCK_BYTES), 0xffff_ffff),
    });
    return { bytes, sizeBytes: blocks * BLOCK_BYTES, copies };
  }

  /** Nodes in the order of a walk, so that what is looked up together lies together; counts links. */
  async #enumerate(): Promise<void> {
    this.#note(this.#root);
    const stack: { parent: Placed; node: DirectoryNode }[] = [{ parent: this.#placed[0]!, node: this.#root }];
    const links = { directory: this.#placed[0]! };
    links.directory.links = 2;
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const self = this.#byNode.get(top.node)!;
      const dirents: Dirent[] = [
        { name: Buffer.from("."), nid: () => nidOf(self), type: DIRENT_TYPES.directory },
        { name: Buffer.from(".."), nid: () => nidOf(top.parent), type: DIRENT_TYPES.directory },
      ];
      for (const [name, node] of top.node.children) {
        const placed = this.#byNode.get(node) ?? this.#note(node);
        dirents.push({ name: encodeName(name), nid: () => nidOf(placed), type: DIRENT_TYPES[node.kind] });
        if (node.kind !== "directory") placed.links++;
        else {
          placed.links = 2;
          self.links++;
          stack.push({ parent: self, node: node as DirectoryNode });
        }
      }
      const blocks = layOutDirectory(dirents);
      self.body = { type: "directory", blocks, size: directoryBytes(blocks), inline: false };
      await this.#turns.over();
    }
  }

  #note(node: Node): Placed {
    const xattrs = encodeXattrs([...checkedXattrs(node), ...(node.opaque === true ? [OPAQUE] : [])]);
    if (xattrs.length > XATTRS_BYTES_MAX)
      throw invalidParameter("a file has more extended attributes than can be kept");
    const placed: Placed = {
      node,
      number: this.#placed.length + 1,
      xattrs,
      links: 0,
      at: 0,
      body: bodyOf(node),
      blockAt: 0,
    };
    this.#placed.push(placed);
    this.#byNode.set(node, placed);
    return placed;
  }

  /** Finds room for an inode with what lies behind it. Neither an inode nor a tail of data crosses a block. */
  #place(placed: Placed): void {
    const { body } = placed;
    const head = INODE_BYTES + placed.xattrs.length;
    const tail = tailBytes(body);
    const at = tail === undefined ? undefined : fitTail(this.#metaEnd, head, tail);
    if (at !== undefined && (body.type === "bytes" || body.type === "directory")) body.inline = true;
    placed.at = at ?? fitInode(this.#metaEnd);
    const chunks =
      body.type === "chunks"
        ? align(head, CHUNK_INDEX_BYTES) - head + body.chunks.length * CHUNK_INDEX_BYTES
        : 0;
    this.#metaEnd = align(placed.at + head + (at === undefined ? chunks : tail!), INODE_SLOT_BYTES);
  }

  /** Bodies that did not fit behind their inodes. @returns the first free block */
  #placeBlocks(first: number): number {
    let next = first;
    for (const placed of this.#placed) {
      const { body } = placed;
      if ((body.type !== "bytes" && body.type !== "directory") || body.inline) continue;
      placed.blockAt = next;
      next += body.type === "bytes" ? Math.ceil(body.bytes.length / BLOCK_BYTES) : body.blocks.length;
    }
    return next;
  }

  #placeCopies(first: number): CopiedChunk[] {
    const copies: CopiedChunk[] = [];
    let next = first;
    for (const { body } of this.#placed) {
      if (body.type !== "chunks") continue;
      for (const chunk of body.chunks) {
        if (chunk.copied === undefined) continue;
        chunk.copied.blockAddress = next;
        next += chunk.copied.chunkBytes / BLOCK_BYTES;
        if (next >= NULL_ADDRESS)
          throw invalidParameter("a layer's sparse files are larger than can be kept");
        copies.push(chunk.copied);
      }
    }
    return copies;
  }

  #write(bytes: Buffer, view: DataView, placed: Placed): void {
    const { node, body, at, xattrs, number, links } = placed;
    writeInode(view, at, {
      layout: body.type === "chunks" ? LAYOUT.chunks : isInline(body) ? LAYOUT.inline : LAYOUT.plain,
      xattrBytes: xattrs.length,
      mode: TYPES[node.kind] | node.mode,
      size:
        body.type === "bytes" ? body.bytes.length : body.type === "directory" ? body.size : (node.size ?? 0),
      union: this.#union(placed),
      number,
      uid: node.uid,
      gid: node.gid,
      mtimeNs: node.mtimeNs,
      links,
    });
    bytes.set(xattrs, at + INODE_BYTES);
    const behind = at + INODE_BYTES + xattrs.length;
    if (body.type === "bytes") bytes.set(body.bytes, body.inline ? behind : placed.blockAt * BLOCK_BYTES);
    else if (body.type === "directory") {
      const start = body.inline ? behind : placed.blockAt * BLOCK_BYTES;
      for (const [i, block] of body.blocks.entries()) writeDirentBlock(bytes, start + i * BLOCK_BYTES, block);
    } else if (body.type === "chunks") {
      let indexAt = align(behind, CHUNK_INDEX_BYTES);
      for (const chunk of body.chunks) {
        if (chunk.copied !== undefined) writeChunkIndex(view, indexAt, 0, chunk.copied.blockAddress);
        else writeChunkIndex(view, indexAt, 1, chunk.tarBlock ?? NULL_ADDRESS);
        indexAt += CHUNK_INDEX_BYTES;
      }
    }
  }

  #union({ node, body, blockAt }: Placed): number {
    if (body.type === "chunks") return CHUNK_INDEXES | (body.chunkBits - BLOCK_BITS);
    if (body.type !== "none") return isInline(body) ? 0 : blockAt;
    return node.kind === "char" || node.kind === "block"
      ? Number(makeDevice(node.major ?? 0, node.minor ?? 0))
      : 0;
  }
}

const nidOf = (placed: Placed) => (placed.at - META_AT) / INODE_SLOT_BYTES;
const align = (value: number, unit: number) => Math.ceil(value / unit) * unit;
const isInline = (body: Body) => (body.type === "bytes" || body.type === "directory") && body.inline;

function bodyOf(node: Node): Body {
  if (node.kind === "symlink") return { type: "bytes", bytes: encodeName(node.target!), inline: false };
  if (node.kind !== "file" || node.size === 0) return { type: "none" };
  return { type: "chunks", ...planChunks(node.size!, node.dataOffset!, node.segments) };
}

/** Bytes that could lie behind the inode; undefined where they are more than a block, or none. */
function tailBytes(body: Body): number | undefined {
  const bytes = body.type === "bytes" ? body.bytes.length : body.type === "directory" ? body.size : undefined;
  return bytes === undefined || bytes > BLOCK_BYTES ? undefined : bytes;
}

function fitInode(from: number): number {
  const inBlock = from % BLOCK_BYTES;
  return inBlock + INODE_BYTES > BLOCK_BYTES ? from + BLOCK_BYTES - inBlock : from;
}

/** The first place from which inode and tail both lie within a block each; undefined where no place will do. */
function fitTail(from: number, head: number, tail: number): number | undefined {
  for (let at = from; at <= from + BLOCK_BYTES; at += INODE_SLOT_BYTES) {
    if (fitInode(at) === at && ((at + head) % BLOCK_BYTES) + tail <= BLOCK_BYTES) return at;
  }
  return undefined;
}

/** @throws InvalidParameter for attributes that no file system could have */
function checkedXattrs(node: Node): Iterable<[string, Uint8Array]> {
  for (const [name, value] of node.xattrs) {
    if (Buffer.byteLength(name) > XATTR_NAME_BYTES_MAX || value.length > XATTR_VALUE_BYTES_MAX) {
      throw invalidParameter(`an extended attribute is too long: ${JSON.stringify(name.slice(0, 100))}`);
    }
  }
  return node.xattrs;
}
