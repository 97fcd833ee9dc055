import { afterAll } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Folders with files for builds, which are gone after the file's last test. */
export function buildFolders(): (files: Readonly<Record<string, string>>) => string {
  const root = mkdtempSync(join(tmpdir(), "berth-build-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  let count = 0;
  return (files) => {
    const folder = join(root, String(++count));
    mkdirSync(folder);
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    return folder;
  };
}
