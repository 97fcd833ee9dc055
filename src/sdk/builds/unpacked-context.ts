import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decompressed } from "../files/decompressed.ts";
import { unpackTree } from "../files/unpack.ts";
import type { Undo } from "../undo.ts";

/** Unpacks a tar that is a build's context into a folder of its own. @returns the folder, which goes with the build */
export async function unpackedContext(tar: AsyncIterable<Uint8Array>, undo: Undo): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "berth-context-"));
  undo.defer(() => rm(path, { recursive: true, force: true }));
  await unpackTree(decompressed(tar), { directory: path, name: (name) => name });
  return path;
}
