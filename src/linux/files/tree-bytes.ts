import { openRoot } from "./root-dir.ts";

/** After so many entries the event loop gets a turn. */
const ENTRIES_PER_TURN = 2000;

/**
 * Bytes of all files below a directory, each hard-linked file once, as Docker counts volumes. What changes
 * meanwhile may or may not be counted. Links are not followed.
 */
export async function treeBytes(path: string, signal?: AbortSignal): Promise<number> {
  using root = openRoot(path);
  const waiting = [""];
  const linked = new Set<bigint>();
  let bytes = 0;
  let entries = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    try {
      using directory = root.directory(next);
      for (const { name } of directory.list()) {
        const stat = directory.stat(name);
        if (stat.kind === "directory") waiting.push(`${next}/${name}`);
        if (stat.nlink > 1 && stat.kind !== "directory") {
          if (linked.has(stat.ino)) continue;
          linked.add(stat.ino);
        }
        bytes += stat.size;
        entries++;
      }
    } catch (error) {
      // It was removed, or became something else, while we looked.
      if (!["ENOENT", "ENOTDIR", "ELOOP"].includes(String((error as { code?: unknown }).code))) throw error;
    }
    if (entries >= ENTRIES_PER_TURN) {
      entries = 0;
      signal?.throwIfAborted();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return bytes;
}
