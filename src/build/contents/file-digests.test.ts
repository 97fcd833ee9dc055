import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  appendFile,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRoot, type ScannedEntry, scanPath } from "../../linux/index.ts";
import { FileDigests } from "./file-digests.ts";
import { LocalTree } from "./local-tree.ts";

let top: string;
beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), "berth-digests-"));
});
afterAll(() => rm(top, { recursive: true }));

function look(name: string): ScannedEntry {
  using root = openRoot(top);
  return scanPath(root, name)!;
}

const digest = "d".repeat(32);

/** Waits until nobody could change the file unnoticed. */
async function settled(name: string): Promise<ScannedEntry> {
  while (FileDigests.isRacy(look(name), Date.now())) await Bun.sleep(5);
  return look(name);
}

describe("a file's identity", () => {
  test("is another after each change", async () => {
    await writeFile(join(top, "a"), "one");
    const seen = new Set([(await settled("a")).identity]);
    const changes = [
      () => writeFile(join(top, "a"), "two"),
      () => writeFile(join(top, "a"), "three"),
      () => utimes(join(top, "a"), 1, 1),
      async () => {
        await writeFile(join(top, "b"), "three");
        await utimes(join(top, "b"), 1, 1);
        await rename(join(top, "b"), join(top, "a"));
      },
    ];
    for (const change of changes) {
      await change();
      seen.add((await settled("a")).identity);
    }
    expect(seen.size).toBe(5);
  });

  test("tells the facts that stat tells", async () => {
    await writeFile(join(top, "facts"), "12345", { mode: 0o640 });
    await utimes(join(top, "facts"), 5, 1_234_567_890.5);
    const entry = look("facts");
    const { mtimeNs, ctimeNs } = await stat(join(top, "facts"), { bigint: true });
    expect(entry).toMatchObject({
      name: "facts",
      kind: "file",
      mode: 0o640,
      uid: 0,
      gid: 0,
      nlink: 1,
      size: 5,
    });
    expect([entry.mtimeNs, entry.ctimeNs]).toEqual([mtimeNs, ctimeNs]);
  });
});

describe("what is remembered", () => {
  test("a file that was changed just now is read again", async () => {
    const digests = new FileDigests(undefined);
    await using tree = new LocalTree({ path: top }, undefined, digests);
    await writeFile(join(top, "fresh"), "1");
    expect(FileDigests.isRacy(look("fresh"), Date.now())).toBe(true);
    const first = await tree.fileDigest("fresh");
    expect(first).toBe(`sha256:${new Bun.CryptoHasher("sha256").update("1").digest("hex")}` as typeof first);
    expect(digests.find(look("fresh"))).toBeUndefined();
    const entry = await settled("fresh");
    await tree.fileDigest("fresh");
    expect(digests.find(entry)).toHaveLength(32);
    await writeFile(join(top, "fresh"), "2");
    expect(await tree.fileDigest("fresh")).not.toBe(first);
  });

  test("whole seconds may be all that a file system's clock has", async () => {
    await writeFile(join(top, "coarse"), "");
    const entry = look("coarse");
    const changedMs = Number(entry.ctimeNs / 1_000_000n);
    expect(FileDigests.isRacy(entry, changedMs + 1000)).toBe(entry.ctimeNs % 1_000_000_000n === 0n);
    const coarse = { ctimeNs: 1_700_000_000_000_000_000n } as ScannedEntry;
    expect(FileDigests.isRacy(coarse, 1_700_000_001_000)).toBe(true);
    expect(FileDigests.isRacy(coarse, 1_700_000_004_000)).toBe(false);
  });

  test("survives, and what was damaged of it counts for nothing", async () => {
    const path = join(top, "store");
    const entries: ScannedEntry[] = [];
    for (const name of ["one", "two", "three"]) {
      await writeFile(join(top, name), name);
      entries.push(look(name));
    }
    const [one, two, three] = entries as [ScannedEntry, ScannedEntry, ScannedEntry];
    const first = new FileDigests(path);
    first.add(one, digest);
    await first.save();
    first.add(two, "e".repeat(32));
    await first.save();
    const found = async () => {
      const again = new FileDigests(path);
      await again.load();
      return entries.map((entry) => again.find(entry));
    };
    expect(await found()).toEqual([digest, "e".repeat(32), undefined]);
    const whole = await readFile(path);
    await truncate(path, whole.length - 1);
    expect(await found()).toEqual([digest, undefined, undefined]);
    const bad = Buffer.from(whole);
    bad[bad.length - 1]! ^= 1;
    await writeFile(path, bad);
    expect(await found()).toEqual([digest, undefined, undefined]);
    // What comes after is not put behind the damage.
    const second = new FileDigests(path);
    await second.load();
    second.add(three, digest);
    await second.save();
    expect(await found()).toEqual([digest, undefined, digest]);
    await appendFile(path, "rubbish");
    expect(await found()).toEqual([digest, undefined, digest]);
    await writeFile(path, "something else");
    expect(await found()).toEqual([undefined, undefined, undefined]);
  });
});
