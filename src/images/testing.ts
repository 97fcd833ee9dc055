import { readFileSync } from "node:fs";
import { type Digest, digestOf, encodeHeader, padding, TAR_END, type TarHeaderInput } from "../lib/index.ts";
import { closeDescriptor, type RootDir, type WalkEntry, walkTree } from "../linux/index.ts";

/** What several tests of this room build and compare. */

export interface Member {
  readonly header: TarHeaderInput;
  readonly data?: string | Uint8Array | undefined;
}

type More = Partial<TarHeaderInput>;

export const file = (name: string, data: string | Uint8Array = "", more: More = {}): Member => ({
  header: { name, kind: "file", mode: 0o644, size: Buffer.byteLength(data), ...more },
  data,
});
export const dir = (name: string, more: More = {}): Member => ({
  header: { name, kind: "directory", mode: 0o755, ...more },
});
export const symlink = (name: string, linkName: string, more: More = {}): Member => ({
  header: { name, kind: "symlink", mode: 0o777, linkName, ...more },
});
export const hard = (name: string, linkName: string): Member => ({
  header: { name, kind: "hardlink", linkName },
});
export const device = (name: string, major: number, minor: number, more: More = {}): Member => ({
  header: { name, kind: "char", mode: 0o600, major, minor, ...more },
});
export const whiteout = (name: string): Member => {
  const slash = name.lastIndexOf("/") + 1;
  return file(`${name.slice(0, slash)}.wh.${name.slice(slash)}`);
};
export const opaque = (directory: string): Member => file(`${directory}/.wh..wh..opq`);

export function tar(...members: readonly Member[]): Buffer {
  const parts = members.flatMap(({ header, data }) => {
    const bytes = Buffer.from(data ?? []);
    return header.kind === "file"
      ? [encodeHeader(header), bytes, padding(bytes.length)]
      : [encodeHeader(header)];
  });
  return Buffer.concat([...parts, TAR_END]);
}

export async function* chunksOf(
  bytes: Uint8Array,
  size = 65_536,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Everything that can be told of a tree, one line an entry. Directories' own sizes and link counts say nothing. */
export function describeTree(root: RootDir): string[] {
  using top = root.directory("/");
  const lines: string[] = [];
  for (const { type, entry } of walkTree(top)) if (type === "entry") lines.push(describeEntry(entry));
  return lines.sort();
}

function describeEntry({ directory, name, path, stat }: WalkEntry): string {
  const { kind, mode, uid, gid, mtimeNs, nlink, size, major, minor } = stat;
  const facts: unknown[] = [JSON.stringify(path), kind, mode.toString(8), `${uid}:${gid}`, mtimeNs];
  if (kind !== "directory") facts.push(`links=${nlink}`);
  if (kind === "symlink") facts.push(`-> ${JSON.stringify(directory.readLink(name))}`);
  if (kind === "char" || kind === "block") facts.push(`${major},${minor}`);
  if (kind === "file") facts.push(size, contentDigest(directory, name));
  for (const attribute of directory.listXattrs(name).sort()) {
    if (attribute.startsWith("trusted.overlay.")) continue;
    facts.push(`${attribute}=${Buffer.from(directory.getXattr(name, attribute)!).toString("hex")}`);
  }
  return facts.join(" ");
}

function contentDigest(directory: WalkEntry["directory"], name: string): Digest {
  const fd = directory.openRegular(name);
  try {
    return digestOf(readFileSync(fd));
  } finally {
    closeDescriptor(fd);
  }
}

/** Names and kinds only: `a/b file`. */
export function listTree(root: RootDir): string[] {
  using top = root.directory("/");
  const lines: string[] = [];
  for (const { type, entry } of walkTree(top)) {
    if (type === "entry") lines.push(`${entry.path} ${entry.stat.kind}`);
  }
  return lines;
}

export function readText(root: RootDir, path: string): string {
  return Buffer.from(root.readFile(path, 1 << 20)).toString();
}
