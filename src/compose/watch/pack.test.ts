import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTar } from "../../lib/index.ts";
import { packFiles } from "./pack.ts";

test("files travel with their modes as root's, links as links, and what is gone not at all", async () => {
  const root = mkdtempSync(join(tmpdir(), "berth-pack-"));
  try {
    writeFileSync(join(root, "run"), "#!/bin/sh\n".repeat(1000));
    chmodSync(join(root, "run"), 0o750);
    symlinkSync("run", join(root, "link"));
    mkdirSync(join(root, "empty"));
    const mapped = ["run", "gone", "link", "empty"].map((name) => ({
      path: join(root, name),
      target: `/app/${name}`,
    }));
    const entries: object[] = [];
    for await (const { entry, body } of readTar(packFiles(mapped))) {
      let bytes = 0;
      for await (const piece of body) bytes += piece.length;
      const { name, kind, mode, uid, gid, linkName } = entry;
      entries.push({ name, kind, mode: mode & 0o7777, uid, gid, bytes, linkName });
    }
    expect(entries).toMatchObject([
      { name: "app/run", kind: "file", mode: 0o750, uid: 0, gid: 0, bytes: 10_000 },
      { name: "app/link", kind: "symlink", linkName: "run" },
      { name: "app/empty/", kind: "directory" },
    ]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
