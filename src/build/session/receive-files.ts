import { writeSync } from "node:fs";
import {
  decodePacket,
  encodePacket,
  type FileFacts,
  GrpcError,
  GrpcStatus,
  kindOfGoMode,
  type Packet,
  PacketType,
  parseGoMode,
} from "../../lib/buildkit/index.ts";
import { invalidParameter } from "../../lib/index.ts";
import { closeDescriptor, type DirHandle, openRoot, type RootDir, travels } from "../../linux/index.ts";
import type { GrpcCall } from "./grpc-channel.ts";
import { type KnownFile, knownFiles } from "./known-files.ts";

/** How many files are asked for at once: their descriptors are open meanwhile. */
const REQUESTS_AT_ONCE = 64;
/** More entries than a context has. */
const ENTRIES_MAX = 10_000_000;
const O_WRONLY_CREAT_EXCL = 0o1 | 0o100 | 0o200;

/** Told now and then how much has come. */
export type ReceiveProgress = (bytes: number) => void;

/**
 * The receiver's part of a transfer (fsutil's `Receive`): makes a directory equal to what the sender tells, and asks only for
 * the files that differ from those there in size, time, mode or kind. Everything belongs to root. Whatever the sender tells,
 * nothing outside of the directory is touched: a path is told once and after its folder, and each is made within its opened parent.
 *
 * A transfer that fails leaves the directory between the two states; the next one mends it.
 * @throws GrpcError, InvalidParameter for paths that can not be, LinuxError for what the kernel refuses
 */
export async function receiveFiles(call: GrpcCall, into: string, progress?: ReceiveProgress): Promise<void> {
  using root = openRoot(into);
  using receiver = new Receiver(call, root, await knownFiles(into), progress);
  let ended = false;
  for await (const message of call.received) {
    if (ended) throw new GrpcError(GrpcStatus.internal, "the transfer goes on behind its end");
    ended = await receiver.take(decodePacket(message), message.length);
  }
  if (!ended) throw new GrpcError(GrpcStatus.cancelled, "the transfer of files was broken off");
}

interface Incoming {
  readonly facts: FileFacts;
  readonly fd: number;
}

class Receiver implements Disposable {
  readonly #call: GrpcCall;
  readonly #root: RootDir;
  /** What is in the directory and was not told yet. */
  readonly #known: Map<string, KnownFile>;
  readonly #progress: ReceiveProgress | undefined;
  /** Told paths; those of folders are true. */
  readonly #told = new Map<string, boolean>();
  readonly #waiting: { readonly id: number; readonly facts: FileFacts }[] = [];
  #nextWaiting = 0;
  readonly #incoming = new Map<number, Incoming>();
  readonly #links: FileFacts[] = [];
  /** Times of folders, which are set when nothing changes in them any more. */
  readonly #folderTimes = new Map<string, bigint>();
  readonly #touched = new Set<string>();
  /** Files with several names that were met by one of them. */
  readonly #inodes = new Set<bigint>();
  #parent: { readonly path: string; readonly handle: DirHandle } | undefined;
  #count = 0;
  #allTold = false;
  #sentEnd = false;
  #bytes = 0;

  constructor(
    call: GrpcCall,
    root: RootDir,
    known: Map<string, KnownFile>,
    progress: ReceiveProgress | undefined,
  ) {
    this.#call = call;
    this.#root = root;
    this.#known = known;
    this.#progress = progress;
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.#incoming.values()) closeDescriptor(fd);
    this.#incoming.clear();
    this.#closeParent();
  }

  /** @returns whether that was the last */
  async take(packet: Packet, length: number): Promise<boolean> {
    this.#bytes += length;
    switch (packet.type) {
      case PacketType.stat:
        if (packet.facts === undefined) this.#allTold = true;
        else await this.#tell(packet.facts);
        break;
      case PacketType.data:
        this.#data(packet);
        break;
      case PacketType.end:
        if (!this.#sentEnd) throw new GrpcError(GrpcStatus.internal, "the transfer ended too early");
        return true;
      case PacketType.error:
        throw new GrpcError(GrpcStatus.unknown, new TextDecoder().decode(packet.data).slice(0, 4096));
      default:
        throw new GrpcError(GrpcStatus.internal, "unexpected packet of a file transfer");
    }
    await this.#request();
    if (this.#allTold && !this.#sentEnd && this.#incoming.size === 0) await this.#finish();
    this.#progress?.(this.#bytes);
    return false;
  }

  // ——— what the sender tells ———

  async #tell(facts: FileFacts): Promise<void> {
    if (this.#allTold || this.#count >= ENTRIES_MAX)
      throw new GrpcError(GrpcStatus.internal, "too many files");
    const { path } = facts;
    const id = this.#count++;
    const slash = path.lastIndexOf("/");
    const folder = slash < 0 ? "" : path.slice(0, slash);
    checkPath(path);
    if (this.#told.has(path) || (folder !== "" && this.#told.get(folder) !== true)) {
      throw invalidParameter(`changes out of order: ${JSON.stringify(path)}`);
    }
    const kind = kindOfGoMode(facts.mode);
    this.#told.set(path, kind === "directory");
    const known = this.#known.get(path);
    this.#known.delete(path);
    if (kind === "file" && facts.linkName !== "") return void this.#links.push(facts);
    if (known !== undefined && this.#isSame(facts, known)) {
      if (kind === "directory") this.#folderTimes.set(path, facts.modified);
      return;
    }
    if (kind === "directory") return this.#makeFolder(facts, known);
    if (known !== undefined) await this.#clear(path);
    if (kind === "file") this.#waiting.push({ id, facts });
    else this.#makeSpecial(facts);
  }

  #isSame(facts: FileFacts, known: KnownFile): boolean {
    const kind = kindOfGoMode(facts.mode);
    if (known.kind !== kind) return false;
    if (kind === "symlink") return known.linkName === facts.linkName && known.modified === facts.modified;
    if (known.mode !== parseGoMode(facts.mode) || known.modified !== facts.modified) return false;
    if (kind === "file") {
      // Two files that were one at the last transfer.
      if (known.links > 1 && this.#inodes.has(known.inode)) return false;
      if (known.links > 1) this.#inodes.add(known.inode);
      return known.size === facts.size;
    }
    return kind === "directory" || (known.major === facts.major && known.minor === facts.minor);
  }

  async #makeFolder(facts: FileFacts, known: KnownFile | undefined): Promise<void> {
    const { path } = facts;
    if (known !== undefined && known.kind !== "directory") await this.#clear(path);
    const { directory, name } = this.#place(path);
    if (known?.kind !== "directory") {
      directory.mkdir(name, 0o700);
      this.#touch(path);
    }
    directory.chmod(name, parseGoMode(facts.mode));
    this.#folderTimes.set(path, facts.modified);
    this.#touched.add(path);
  }

  #makeSpecial(facts: FileFacts): void {
    const { directory, name } = this.#place(facts.path);
    const kind = kindOfGoMode(facts.mode);
    if (kind === "symlink") directory.symlink(facts.linkName, name);
    else if (kind === "fifo") directory.mknod(name, kind, parseGoMode(facts.mode));
    else if (kind === "char" || kind === "block") {
      // A client could not make these itself; nobody opens them here, and they end in an image at most.
      directory.mknod(name, kind, parseGoMode(facts.mode), facts.major, facts.minor);
    } else return;
    this.#touch(facts.path);
    this.#complete(directory, name, facts);
  }

  /** Takes away what is in the way. */
  async #clear(path: string): Promise<void> {
    this.#touch(path);
    this.#closeParent();
    await this.#root.removeTree(path);
  }

  // ——— contents ———

  async #request(): Promise<void> {
    while (this.#incoming.size < REQUESTS_AT_ONCE && this.#nextWaiting < this.#waiting.length) {
      const { id, facts } = this.#waiting[this.#nextWaiting]!;
      this.#nextWaiting++;
      const { directory, name } = this.#place(facts.path);
      this.#incoming.set(id, { facts, fd: directory.open(name, O_WRONLY_CREAT_EXCL, 0o600) });
      this.#touch(facts.path);
      await this.#call.send(encodePacket({ type: PacketType.request, id }));
    }
  }

  #data(packet: Packet): void {
    const incoming = this.#incoming.get(packet.id);
    if (incoming === undefined) throw new GrpcError(GrpcStatus.internal, `invalid file request ${packet.id}`);
    if (packet.data.length > 0) {
      writeAll(incoming.fd, packet.data);
      return;
    }
    this.#incoming.delete(packet.id);
    closeDescriptor(incoming.fd);
    const { directory, name } = this.#place(incoming.facts.path);
    this.#complete(directory, name, incoming.facts);
  }

  /** Mode, attributes and, last, the time by which the next transfer knows the file again. */
  #complete(directory: DirHandle, name: string, facts: FileFacts): void {
    const kind = kindOfGoMode(facts.mode);
    if (kind !== "symlink") directory.chmod(name, parseGoMode(facts.mode));
    for (const [attribute, value] of facts.xattrs) {
      if (travels(attribute)) directory.setXattr(name, attribute, value);
    }
    directory.utimes(name, facts.modified, facts.modified);
  }

  // ——— the end ———

  async #finish(): Promise<void> {
    this.#closeParent();
    for (const facts of this.#links) this.#link(facts);
    await this.#removeUntold();
    // Those deepest first, for setting one's time changes nothing above it.
    for (const path of this.#touched) {
      const modified = this.#folderTimes.get(path);
      if (modified !== undefined) this.#root.utimes(path, modified, modified);
    }
    this.#sentEnd = true;
    await this.#call.send(encodePacket({ type: PacketType.end }));
    this.#call.end();
  }

  #link({ path, linkName }: FileFacts): void {
    const target = linkName.replace(/^\/+/, "");
    if (this.#told.get(target) !== false || this.#root.stat(target, { follow: false }).kind !== "file") {
      throw invalidParameter(`invalid hard link of ${JSON.stringify(path)} to ${JSON.stringify(linkName)}`);
    }
    const there = this.#root.tryStat(path, { follow: false });
    if (there?.ino === this.#root.stat(target, { follow: false }).ino) return;
    if (there !== undefined) {
      if (there.kind === "directory") throw invalidParameter(`changes out of order: ${JSON.stringify(path)}`);
      this.#root.unlink(path);
    }
    this.#root.link(target, path);
    this.#touch(path);
  }

  async #removeUntold(): Promise<void> {
    for (const [path, { kind }] of this.#known) {
      const slash = path.lastIndexOf("/");
      const folder = slash < 0 ? "" : path.slice(0, slash);
      // What is in a folder that goes, goes with it.
      if (folder !== "" && this.#told.get(folder) !== true) continue;
      this.#touch(path);
      if (kind === "directory") await this.#root.removeTree(path);
      else this.#root.unlink(path);
    }
  }

  // ——— places ———

  /** The opened parent of a path; it stays open for the next, who is often its neighbour. */
  #place(path: string): { directory: DirHandle; name: string } {
    const slash = path.lastIndexOf("/");
    const folder = slash < 0 ? "" : path.slice(0, slash);
    if (this.#parent?.path !== folder) {
      this.#closeParent();
      this.#parent = { path: folder, handle: this.#root.directory(folder === "" ? "/" : folder) };
    }
    return { directory: this.#parent.handle, name: path.slice(slash + 1) };
  }

  #closeParent(): void {
    this.#parent?.handle[Symbol.dispose]();
    this.#parent = undefined;
  }

  /** Something in the folder of this path has changed, and with it the folder's time. */
  #touch(path: string): void {
    const slash = path.lastIndexOf("/");
    if (slash > 0) this.#touched.add(path.slice(0, slash));
  }
}

/** @throws InvalidParameter for what is no clean relative path */
function checkPath(path: string): void {
  const isBad = path
    .split("/")
    .some((part) => part === "" || part === "." || part === ".." || part.length > 255 || part.includes("\0"));
  if (isBad) throw invalidParameter(`invalid path ${JSON.stringify(path.slice(0, 200))} in a build context`);
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
}
