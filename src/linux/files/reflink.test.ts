import { afterAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyTree } from "../archive/index.ts";
import { detachBelow, mountTmpfs } from "../mounts/mounts.ts";
import { mountXfs } from "../testing.ts";
import { projectOf, setProject } from "./project-quota.ts";
import { shareBlocks, sharesBlocks } from "./reflink.ts";
import { openRoot } from "./root-dir.ts";

const directory = mkdtempSync(join(tmpdir(), "berth-reflink-"));
const mounted = join(directory, "xfs");
mkdirSync(mounted);
afterAll(() => {
  detachBelow(directory);
  rmSync(directory, { recursive: true, force: true });
});

describe.skipIf(!mountXfs(join(directory, "image"), mounted))("where files can share blocks", () => {
  test("a large copy takes no room", async () => {
    mkdirSync(join(mounted, "from"));
    mkdirSync(join(mounted, "to"));
    const bytes = Buffer.alloc(40 << 20, 7);
    writeFileSync(join(mounted, "from/large"), bytes, { flush: true });
    expect(sharesBlocks(mounted)).toBe(true);
    const free = () => {
      Bun.spawnSync(["sync", "-f", mounted]);
      const { bavail, bsize } = statfsSync(mounted);
      return bavail * bsize;
    };
    const before = free();
    using from = openRoot(join(mounted, "from"));
    using to = openRoot(join(mounted, "to"));
    await copyTree(from, "", to, "");
    expect(readFileSync(join(mounted, "to/large")).equals(bytes)).toBe(true);
    expect(before - free()).toBeLessThan(bytes.length / 4);
    writeFileSync(join(mounted, "to/large"), "changed");
    expect(readFileSync(join(mounted, "from/large")).equals(bytes)).toBe(true);
  });

  test("a directory's project is kept", () => {
    mkdirSync(join(mounted, "project"));
    const top = openSync(join(mounted, "project"), "r");
    expect(projectOf(top)).toBe(0);
    setProject(top, 0x6265_0001);
    expect(projectOf(top)).toBe(0x6265_0001);
    mkdirSync(join(mounted, "project/below"));
    const below = openSync(join(mounted, "project/below"), "r");
    expect(projectOf(below)).toBe(0x6265_0001);
    closeSync(top);
    closeSync(below);
  });
});

test("where they cannot, that is told and nothing else", async () => {
  const plain = join(directory, "plain");
  mkdirSync(plain);
  mountTmpfs(plain);
  expect(sharesBlocks(plain)).toBe(false);
  expect(sharesBlocks(join(plain, "nothing"))).toBe(false);
  writeFileSync(join(plain, "a"), "content");
  const [a, b] = [openSync(join(plain, "a"), "r"), openSync(join(plain, "b"), "w")];
  expect(shareBlocks(a, b)).toBe(false);
  closeSync(a);
  closeSync(b);
  mkdirSync(join(plain, "to"));
  using from = openRoot(plain);
  using to = openRoot(join(plain, "to"));
  writeFileSync(join(plain, "b"), "more");
  mkdirSync(join(plain, "from"));
  writeFileSync(join(plain, "from/a"), "one");
  writeFileSync(join(plain, "from/b"), "two");
  await copyTree(from, "from", to, "");
  expect(readFileSync(join(plain, "to/a"), "utf8") + readFileSync(join(plain, "to/b"), "utf8")).toBe(
    "onetwo",
  );
});
