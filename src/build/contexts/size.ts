import { lstatSync, readdirSync } from "node:fs";

const FILES_AT_ONCE = 500;

/** What the files of a directory take on disk; those that go away meanwhile do not count. */
export async function treeBytes(root: string): Promise<number> {
  const folders = [root];
  let [bytes, count] = [0, 0];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of entriesOf(folder)) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) folders.push(path);
      else bytes += (lstatSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
      if (++count % FILES_AT_ONCE === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
  return bytes;
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
