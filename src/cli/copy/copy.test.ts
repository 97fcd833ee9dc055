import { expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeHeader, padding, TAR_END, type TarHeaderInput } from "../../lib/index.ts";
import { packLocal } from "./pack.ts";
import { renamer, splitCopyArgument, splitEntry } from "./paths.ts";
import { placeCopy } from "./placement.ts";
import { unpackLocal } from "./unpack.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "berth-copy-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function* archive(...members: (TarHeaderInput & { data?: string })[]): AsyncGenerator<Uint8Array> {
  for (const { data = "", ...header } of members) {
    const bytes = Buffer.from(data);
    yield encodeHeader({ ...header, size: bytes.length });
    yield bytes;
    yield padding(bytes.length);
  }
  yield TAR_END;
}

const keep = (directory: string) => ({ directory, name: (name: string) => name });

test("no entry of an archive is unpacked outside of its folder", async () => {
  await inFolder(async (folder) => {
    const into = join(folder, "into");
    mkdirSync(into);
    writeFileSync(join(folder, "canary"), "alive");
    mkdirSync(join(folder, "outside"));
    const attacks: (TarHeaderInput & { data?: string })[][] = [
      [{ name: "../canary", kind: "file", data: "dead" }],
      [{ name: "a/../../canary", kind: "file", data: "dead" }],
      [
        { name: "link", kind: "symlink", linkName: ".." },
        { name: "link/canary", kind: "file", data: "dead" },
      ],
      [
        { name: "link", kind: "symlink", linkName: join(folder, "outside") },
        { name: "link/x", kind: "directory" },
      ],
      [{ name: "hard", kind: "hardlink", linkName: "../canary" }],
      [
        { name: "up", kind: "symlink", linkName: ".." },
        { name: "hard", kind: "hardlink", linkName: "up/canary" },
      ],
    ];
    for (const members of attacks) {
      await expect(unpackLocal(archive(...members), keep(into))).rejects.toThrow();
      rmSync(into, { recursive: true });
      mkdirSync(into);
    }
    expect(readFileSync(join(folder, "canary"), "utf8")).toBe("alive");
    expect(existsSync(join(folder, "outside", "x"))).toBe(false);
  });
});

test("a file replaces a link instead of writing through it", async () => {
  await inFolder(async (folder) => {
    const into = join(folder, "into");
    mkdirSync(into);
    writeFileSync(join(folder, "canary"), "alive");
    symlinkSync("../canary", join(into, "x"));
    await unpackLocal(archive({ name: "x", kind: "file", data: "new", mode: 0o600 }), keep(into));
    expect(readFileSync(join(folder, "canary"), "utf8")).toBe("alive");
    expect(readFileSync(join(into, "x"), "utf8")).toBe("new");
  });
});

test("files and folders do not replace one another", async () => {
  await inFolder(async (folder) => {
    mkdirSync(join(folder, "d"));
    writeFileSync(join(folder, "f"), "");
    await expect(unpackLocal(archive({ name: "d", kind: "file" }), keep(folder))).rejects.toThrow(
      "cannot overwrite directory",
    );
    await expect(unpackLocal(archive({ name: "f", kind: "directory" }), keep(folder))).rejects.toThrow(
      "cannot overwrite non-directory",
    );
  });
});

test("what is packed comes back: modes, times, links, holes in the order of names", async () => {
  await inFolder(async (folder) => {
    const from = join(folder, "from");
    mkdirSync(join(from, "sub"), { recursive: true, mode: 0o750 });
    writeFileSync(join(from, "sub", "f"), "x".repeat(100_000), { mode: 0o640 });
    symlinkSync("sub/f", join(from, "l"));
    mkdirSync(join(folder, "to"));
    await unpackLocal(packLocal(from), keep(join(folder, "to")));
    const back = join(folder, "to", "from");
    expect(readFileSync(join(back, "sub", "f"), "utf8")).toBe("x".repeat(100_000));
    expect(statSync(join(back, "sub", "f")).mode & 0o7777).toBe(
      statSync(join(from, "sub", "f")).mode & 0o7777,
    );
    expect(Math.abs(statSync(join(back, "sub")).mtimeMs - statSync(join(from, "sub")).mtimeMs)).toBeLessThan(
      1,
    );
    expect(readlinkSync(join(back, "l"))).toBe("sub/f");
    expect(lstatSync(join(back, "l")).isSymbolicLink()).toBe(true);
  });
});

test("the target's spelling decides where a copy goes, as with cp", () => {
  const file = { path: "/s/f", isDirectory: false, rename: undefined };
  const folder = { path: "/s/d", isDirectory: true, rename: undefined };
  const nothing = (path: string) => ({ path, exists: false, isDirectory: false });
  expect(placeCopy(file, { path: "/t", exists: true, isDirectory: true }).directory).toBe("/t");
  const renamed = placeCopy(file, nothing("/t/new"));
  expect([renamed.directory, renamed.name("f")]).toEqual(["/t", "new"]);
  const whole = placeCopy(folder, nothing("/t/new"));
  expect([whole.directory, whole.name("d/x"), whole.name("d/")]).toEqual(["/t", "new/x", "new/"]);
  const content = placeCopy({ ...folder, path: "/s/d/." }, nothing("/t/new"));
  expect([content.directory, content.name("./x"), content.name("./")]).toEqual(["/t", "new/x", "new/"]);
  expect(() => placeCopy(file, nothing("/t/new/"))).toThrow("no such directory");
  expect(() => placeCopy(folder, { path: "/t/f", exists: true, isDirectory: false })).toThrow(
    "cannot copy directory",
  );
});

test("arguments and paths are split", () => {
  expect(splitCopyArgument("c:/x")).toEqual({ container: "c", path: "/x" });
  expect(splitCopyArgument("./c:x")).toEqual({ container: "", path: "./c:x" });
  expect(splitCopyArgument("/c:x")).toEqual({ container: "", path: "/c:x" });
  expect(splitEntry("/a/b/.")).toEqual({ directory: "/a/b", name: "." });
  expect(splitEntry("/a/b/")).toEqual({ directory: "/a", name: "b" });
  expect(renamer("a", "b")("ab/x")).toBe("ab/x");
});
