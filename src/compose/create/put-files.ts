import type { Stats } from "node:fs";
import { invalidParameter, messageOf } from "../../lib/index.ts";
import { encodeHeader, padding, TAR_END } from "../../lib/tar/index.ts";
import type { Application } from "../application.ts";
import type { FileToCopy } from "./context.ts";

/** A file as it stands in an archive: what, and under which name there. */
export interface ArchivedFile {
  readonly name: string;
  readonly file: FileToCopy;
}

/** Puts files into a container, or into a volume that it mounts, below `folder`. */
export async function putFiles(
  app: Application,
  container: string,
  folder: string,
  files: readonly ArchivedFile[],
): Promise<void> {
  if (files.length === 0) return;
  // Read before anything is sent: a file that is missing is told as that.
  const members: Uint8Array[] = [];
  for (const file of files) for await (const part of membersOf(file)) members.push(part);
  members.push(TAR_END);
  await app.engine.containers.archives.put(container, folder, chunks(members));
}

async function* chunks(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void> {
  yield Buffer.concat(parts);
}

async function* membersOf({ name, file }: ArchivedFile): AsyncGenerator<Uint8Array, void> {
  const { content, uid, gid, mode } = file;
  const owner = { uid, gid, mtimeNs: BigInt(Date.now()) * 1_000_000n };
  if ("text" in content) {
    const bytes = Buffer.from(content.text);
    yield encodeHeader({ name, kind: "file", size: bytes.length, mode: mode ?? 0o444, ...owner });
    yield bytes;
    yield padding(bytes.length);
    return;
  }
  const fs = await import("node:fs/promises");
  try {
    yield* pathMembers(fs, content.path, name, owner, mode);
  } catch (error) {
    throw invalidParameter(`${file.what}: ${messageOf(error)}`, error);
  }
}

/** A file, or a folder with all that is in it; links stay links. */
async function* pathMembers(
  fs: typeof import("node:fs/promises"),
  path: string,
  name: string,
  owner: { uid: number; gid: number },
  mode: number | undefined,
): AsyncGenerator<Uint8Array, void> {
  // The source itself may be a link to the file, as mounted secrets are.
  const stat: Stats = await fs.stat(path);
  if (!stat.isDirectory()) {
    const bytes = await fs.readFile(path);
    yield encodeHeader({ name, kind: "file", size: bytes.length, mode: mode ?? stat.mode, ...owner });
    yield bytes;
    yield padding(bytes.length);
    return;
  }
  yield encodeHeader({ name: `${name}/`, kind: "directory", mode: stat.mode, ...owner });
  for (const entry of (await fs.readdir(path, { withFileTypes: true })).sort(byName)) {
    const inner = `${path}/${entry.name}`;
    if (entry.isSymbolicLink()) {
      const linkName = await fs.readlink(inner);
      yield encodeHeader({ name: `${name}/${entry.name}`, kind: "symlink", linkName, mode: 0o777, ...owner });
    } else if (entry.isFile() || entry.isDirectory()) {
      yield* pathMembers(fs, inner, `${name}/${entry.name}`, owner, mode);
    }
  }
}

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
