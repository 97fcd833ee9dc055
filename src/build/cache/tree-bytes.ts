import { openRoot } from "../../linux/index.ts";

/** After so many entries the event loop gets a turn. */
const ENTRIES_PER_TURN = 2000;

/** Bytes of all files below a directory, each hard-linked file once. Links are not followed; what changes meanwhile may count. */
export async function treeBytes(path: string): Promise<number> {
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
        else if (stat.nlink > 1) {
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
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return bytes;
}
