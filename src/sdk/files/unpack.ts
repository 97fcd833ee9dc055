import type { Stats } from "node:fs";
import { chmod, constants, link, lstat, lutimes, mkdir, open, rm, symlink, utimes } from "node:fs/promises";
import { posix } from "node:path";
import { readTar, type TarEntry } from "../../lib/index.ts";

/** The folder into which an archive is unpacked, and the names its entries get. */
export interface Placement {
  readonly directory: string;
  readonly name: (name: string) => string;
}

/**
 * Unpacks a container's tar on this host, below one folder. What a container holds is written by strangers:
 * no entry's name leads out of the folder, and nothing is written or changed through a link that stands, or
 * was just unpacked, below it. Owners are the caller's, as with Docker's client.
 */
export async function unpackTree(source: AsyncIterable<Uint8Array>, placement: Placement): Promise<void> {
  const unpacker = new Unpacker(placement);
  for await (const { entry, body } of readTar(source)) await unpacker.take(entry, body);
  await unpacker.finish();
}

class Unpacker {
  readonly #root: string;
  readonly #rename: (name: string) => string;
  /** Folders' times change whenever something is put into them, so they come last. */
  readonly #directories = new Map<string, TarEntry>();

  constructor({ directory, name }: Placement) {
    this.#root = directory;
    this.#rename = name;
  }

  async take(entry: TarEntry, body: AsyncIterable<Uint8Array>): Promise<void> {
    const name = this.#inside(entry.name);
    if (name === "") {
      // The folder itself, which is there.
      return;
    }
    const path = `${this.#root}/${name}`;
    await this.#checkParents(name);
    await this.#makeRoom(path, entry);
    await this.#create(path, entry, body);
    await setMetadata(path, entry);
    if (entry.kind === "directory") this.#directories.set(path, entry);
  }

  async finish(): Promise<void> {
    for (const [path, entry] of [...this.#directories].reverse()) await setTimes(path, entry);
  }

  /** The entry's path below the root, renamed. @throws where it leads out. */
  #inside(name: string): string {
    const path = posix.normalize(this.#rename(name.replace(/\/+$/, "")).replace(/^\/+/, ""));
    if (path === ".") return "";
    if (path === ".." || path.startsWith("../"))
      throw new Error(`${JSON.stringify(name)} is outside of ${JSON.stringify(this.#root)}`);
    return path;
  }

  /** Every folder on the way is a real one, or is made. */
  async #checkParents(name: string): Promise<void> {
    const parts = name.split("/").slice(0, -1);
    let path = this.#root;
    for (const part of parts) {
      path += `/${part}`;
      const stat = await statOf(path);
      if (stat === undefined) await mkdir(path, 0o755);
      else if (!stat.isDirectory())
        throw new Error(`invalid path ${JSON.stringify(name)}: ${path} is not a directory`);
    }
  }

  /** Takes away what stands in the way, unless a folder would give way to a file or the other way round. */
  async #makeRoom(path: string, entry: TarEntry): Promise<void> {
    const stat = await statOf(path);
    if (stat === undefined) return;
    const isDirectory = entry.kind === "directory";
    if (stat.isDirectory() && !isDirectory) {
      throw new Error(
        `cannot overwrite directory ${JSON.stringify(path)} with non-directory ${JSON.stringify(this.#root)}`,
      );
    }
    if (!stat.isDirectory() && isDirectory) {
      throw new Error(
        `cannot overwrite non-directory ${JSON.stringify(path)} with directory ${JSON.stringify(this.#root)}`,
      );
    }
    if (!isDirectory) await rm(path);
  }

  async #create(path: string, entry: TarEntry, body: AsyncIterable<Uint8Array>): Promise<void> {
    switch (entry.kind) {
      case "directory":
        if ((await statOf(path)) === undefined) await mkdir(path, 0o755);
        return;
      case "file":
        return writeFile(path, entry, body);
      case "symlink":
        return symlink(entry.linkName, path);
      case "hardlink":
        return this.#hardLink(path, entry);
      case "fifo":
        return makeNode(path, "p");
      case "char":
        return makeNode(path, "c", entry);
      case "block":
        return makeNode(path, "b", entry);
      default:
        return;
    }
  }

  async #hardLink(path: string, entry: TarEntry): Promise<void> {
    const target = this.#inside(entry.linkName);
    await this.#checkParents(target);
    await link(`${this.#root}/${target}`, path);
  }
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

async function writeFile(path: string, entry: TarEntry, body: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, NEW_FILE, 0o600);
  try {
    const segments = entry.segments ?? [{ offset: 0, length: entry.size }];
    let [segment = { offset: 0, length: 0 }, ...later] = segments;
    let written = 0;
    for await (let bytes of body) {
      while (bytes.length > 0) {
        if (written === segment.length) {
          [segment = { offset: 0, length: Number.POSITIVE_INFINITY }, ...later] = later;
          written = 0;
          continue;
        }
        const length = Math.min(bytes.length, segment.length - written);
        await writeAll(file, bytes.subarray(0, length), segment.offset + written);
        written += length;
        bytes = bytes.subarray(length);
      }
    }
    if (entry.segments !== undefined) await file.truncate(entry.size);
  } finally {
    await file.close();
  }
}

async function writeAll(
  file: Awaited<ReturnType<typeof open>>,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}

/** Only the system's own command makes these without foreign calls. */
async function makeNode(
  path: string,
  type: "p" | "c" | "b",
  numbers?: { major: number; minor: number },
): Promise<void> {
  const device = numbers === undefined ? [] : [String(numbers.major), String(numbers.minor)];
  const { execFile } = await import("node:child_process");
  await new Promise<void>((resolve, reject) => {
    execFile("mknod", ["--", path, type, ...device], (error, _stdout, stderr) => {
      if (error) reject(new Error(`cannot create ${path}: ${stderr.trim() || error.message}`));
      else resolve();
    });
  });
}

async function setMetadata(path: string, entry: TarEntry): Promise<void> {
  if (entry.kind === "hardlink" || entry.kind === "other") return;
  if (entry.kind !== "symlink") await chmod(path, entry.mode);
  if (entry.kind !== "directory") await setTimes(path, entry);
}

async function setTimes(path: string, { kind, mtimeNs, atimeNs = mtimeNs }: TarEntry): Promise<void> {
  const [accessed, modified] = [Number(atimeNs) / 1e9, Number(mtimeNs) / 1e9];
  await (kind === "symlink" ? lutimes : utimes)(path, accessed, modified);
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw error;
  }
}
