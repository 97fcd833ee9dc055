import { encodeName, invalidParameter } from "../../lib/index.ts";
import { makeDevice, Turns } from "../../linux/index.ts";
import { type ChunkPlan, type CopiedChunk, planChunks } from "./chunks.ts";
import { type DirectoryLayout, layOutDirectory, writeDirectory } from "./directory.ts";
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

/** What lies behind an inode, or in blocks of its own. */
type Body =
  | { readonly type: "none" }
  | { readonly type: "target"; readonly bytes: Uint8Array }
  | { readonly type: "directory"; readonly layout: DirectoryLayout }
  | { readonly type: "chunks"; readonly plan: ChunkPlan };

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
const NO_BYTES = new Uint8Array(0);

const NODES_A_LOOK = 32;

/** Makes the EROFS image of a layer's tree; the files' content stays in the tar, which is the image's device. */
export async function makeImage(root: DirectoryNode, tarBytes: number): Promise<ErofsImage> {
  return await new ImageMaker(root, tarBytes).make();
}

/**
 * Places first, then writes. Between the two only numbers are kept, in the nodes: bodies and attributes are made
 * again, so that an image of a million files does not need them all in memory.
 */
class ImageMaker {
  readonly #root: DirectoryNode;
  readonly #tarBytes: number;
  readonly #turns = new Turns();
  /** In the order of a walk, so that what is looked up together lies together. */
  readonly #nodes: Node[] = [];
  readonly #parents = new Map<Node, Node>();
  /** Plans of files with holes, of which the copied chunks have places to remember. */
  readonly #plans = new Map<Node, ChunkPlan>();
  #metaEnd = META_AT;
  /** Nodes whose bodies did not fit behind their inodes, with the number of blocks. */
  readonly #apart: { readonly node: Node; readonly blocks: number }[] = [];

  constructor(root: DirectoryNode, tarBytes: number) {
    this.#root = root;
    this.#tarBytes = tarBytes;
  }

  async make(): Promise<ErofsImage> {
    await this.#enumerate();
    for (const node of this.#nodes) {
      this.#place(node);
      const turn = this.#turnOver(node);
      if (turn !== undefined) await turn;
    }
    const blocksEnd = this.#placeBlocks(Math.ceil(this.#metaEnd / BLOCK_BYTES));
    const copies = this.#placeCopies(blocksEnd);
    const bytes = Buffer.alloc(blocksEnd * BLOCK_BYTES);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const node of this.#nodes) {
      this.#write(bytes, view, node);
      const turn = this.#turnOver(node);
      if (turn !== undefined) await turn;
    }
    const last = copies.at(-1);
    const blocks = last === undefined ? blocksEnd : last.blockAddress + last.chunkBytes / BLOCK_BYTES;
    writeSuperblock(view, {
      rootNid: nidOf(this.#root),
      inodes: this.#nodes.length,
      blocks: Math.min(blocks, 0xffff_ffff),
      deviceBlocks: Math.min(Math.ceil(this.#tarBytes / BLOCK_BYTES), 0xffff_ffff),
    });
    return { bytes, sizeBytes: blocks * BLOCK_BYTES, copies };
  }

  /** Looking at the clock costs as much as a node does. */
  #turnOver(node: Node): Promise<void> | undefined {
    return node.number % NODES_A_LOOK === 0 ? this.#turns.over() : undefined;
  }

  /** Numbers the nodes and counts their names. */
  async #enumerate(): Promise<void> {
    this.#note(this.#root);
    this.#root.links = 2;
    this.#parents.set(this.#root, this.#root);
    const stack: DirectoryNode[] = [this.#root];
    for (let directory = stack.pop(); directory !== undefined; directory = stack.pop()) {
      for (const node of directory.children.values()) {
        if (node.number === 0) this.#note(node);
        if (node.kind !== "directory") node.links++;
        else {
          node.links = 2;
          directory.links++;
          this.#parents.set(node, directory);
          stack.push(node as DirectoryNode);
        }
      }
      const turn = this.#turns.over();
      if (turn !== undefined) await turn;
    }
  }

  #note(node: Node): void {
    checkXattrs(node);
    this.#nodes.push(node);
    node.number = this.#nodes.length;
  }

  /** Finds room for an inode with what lies behind it. Neither an inode nor a tail of data crosses a block. */
  #place(node: Node): void {
    const head = INODE_BYTES + xattrsOf(node).length;
    const body = this.#bodyOf(node);
    const tail = tailBytes(body);
    const at = tail === undefined ? undefined : fitTail(this.#metaEnd, head, tail);
    node.at = at ?? fitInode(this.#metaEnd);
    if (at === undefined && tail !== undefined)
      this.#apart.push({ node, blocks: Math.ceil(tail / BLOCK_BYTES) });
    const chunks =
      body.type === "chunks"
        ? align(head, CHUNK_INDEX_BYTES) - head + body.plan.chunks.length * CHUNK_INDEX_BYTES
        : 0;
    this.#metaEnd = align(node.at + head + (at === undefined ? chunks : tail!), INODE_SLOT_BYTES);
  }

  /** @returns the first free block */
  #placeBlocks(first: number): number {
    let next = first;
    for (const { node, blocks } of this.#apart) {
      node.blockAt = next;
      next += blocks;
    }
    return next;
  }

  #placeCopies(first: number): CopiedChunk[] {
    const copies: CopiedChunk[] = [];
    let next = first;
    for (const { chunks } of this.#plans.values()) {
      for (const { copied } of chunks) {
        if (copied === undefined) continue;
        copied.blockAddress = next;
        next += copied.chunkBytes / BLOCK_BYTES;
        if (next >= NULL_ADDRESS)
          throw invalidParameter("a layer's sparse files are larger than can be kept");
        copies.push(copied);
      }
    }
    return copies;
  }

  #bodyOf(node: Node): Body {
    if (node.kind === "directory")
      return { type: "directory", layout: layOutDirectory(node.children!.keys()) };
    if (node.kind === "symlink") return { type: "target", bytes: encodeName(node.target!) };
    if (node.kind !== "file" || node.size === 0) return NO_BODY;
    let plan = this.#plans.get(node);
    plan ??= planChunks(node.size, node.dataOffset, node.segments);
    if (node.segments !== undefined) this.#plans.set(node, plan);
    return { type: "chunks", plan };
  }

  #write(bytes: Buffer, view: DataView, node: Node): void {
    const body = this.#bodyOf(node);
    const xattrs = xattrsOf(node);
    const isApart = node.blockAt > 0;
    const hasTail = body.type === "target" || body.type === "directory";
    writeInode(view, node.at, {
      layout: body.type === "chunks" ? LAYOUT.chunks : hasTail && !isApart ? LAYOUT.inline : LAYOUT.plain,
      xattrBytes: xattrs.length,
      mode: TYPES[node.kind] | node.mode,
      size: tailBytes(body) ?? node.size,
      union: unionOf(node, body),
      number: node.number,
      uid: node.uid,
      gid: node.gid,
      mtimeSeconds: node.mtimeSeconds,
      mtimeNanoseconds: node.mtimeNanoseconds,
      links: node.links,
    });
    bytes.set(xattrs, node.at + INODE_BYTES);
    const behind = node.at + INODE_BYTES + xattrs.length;
    const start = isApart ? node.blockAt * BLOCK_BYTES : behind;
    if (body.type === "target") bytes.set(body.bytes, start);
    else if (body.type === "directory")
      writeDirectory(bytes, start, body.layout, (name) => this.#direntOf(node, name));
    else if (body.type === "chunks") writeChunks(view, align(behind, CHUNK_INDEX_BYTES), body.plan);
  }

  #direntOf(directory: Node, name: string): { nid: number; type: number } {
    const node =
      name === "."
        ? directory
        : name === ".."
          ? this.#parents.get(directory)!
          : directory.children!.get(name)!;
    return { nid: nidOf(node), type: DIRENT_TYPES[node.kind] };
  }
}

const NO_BODY: Body = { type: "none" };

const nidOf = (node: Node) => (node.at - META_AT) / INODE_SLOT_BYTES;
const align = (value: number, unit: number) => Math.ceil(value / unit) * unit;

function writeChunks(view: DataView, start: number, { chunks }: ChunkPlan): void {
  let at = start;
  for (const chunk of chunks) {
    if (chunk.copied !== undefined) writeChunkIndex(view, at, 0, chunk.copied.blockAddress);
    else writeChunkIndex(view, at, 1, chunk.tarBlock ?? NULL_ADDRESS);
    at += CHUNK_INDEX_BYTES;
  }
}

function unionOf(node: Node, body: Body): number {
  if (body.type === "chunks") return CHUNK_INDEXES | (body.plan.chunkBits - BLOCK_BITS);
  if (body.type !== "none") return node.blockAt;
  return node.kind === "char" || node.kind === "block" ? Number(makeDevice(node.major, node.minor)) : 0;
}

/** Bytes that lie behind the inode, or, where they do not fit there, in blocks of their own. */
function tailBytes(body: Body): number | undefined {
  if (body.type === "target") return body.bytes.length;
  return body.type === "directory" ? body.layout.sizeBytes : undefined;
}

function fitInode(from: number): number {
  const inBlock = from % BLOCK_BYTES;
  return inBlock + INODE_BYTES > BLOCK_BYTES ? from + BLOCK_BYTES - inBlock : from;
}

/** The first place from which inode and tail both lie within a block each; undefined where no place will do. */
function fitTail(from: number, head: number, tail: number): number | undefined {
  if (tail > BLOCK_BYTES) return undefined;
  for (let at = from; at <= from + BLOCK_BYTES; at += INODE_SLOT_BYTES) {
    if (fitInode(at) === at && ((at + head) % BLOCK_BYTES) + tail <= BLOCK_BYTES) return at;
  }
  return undefined;
}

function xattrsOf(node: Node): Uint8Array {
  if (node.xattrs === undefined && !node.opaque) return NO_BYTES;
  return encodeXattrs([...(node.xattrs ?? []), ...(node.opaque ? [OPAQUE] : [])]);
}

/** @throws InvalidParameter for attributes that no file system could have */
function checkXattrs(node: Node): void {
  if (node.xattrs === undefined) return;
  for (const [name, value] of node.xattrs ?? []) {
    if (Buffer.byteLength(name) > XATTR_NAME_BYTES_MAX || value.length > XATTR_VALUE_BYTES_MAX) {
      throw invalidParameter(`an extended attribute is too long: ${JSON.stringify(name.slice(0, 100))}`);
    }
  }
  if (xattrsOf(node).length > XATTRS_BYTES_MAX) {
    throw invalidParameter("a file has more extended attributes than can be kept");
  }
}
