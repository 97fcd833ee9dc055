import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { closeSync, mkdirSync, readdirSync, readSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeName, digestOf, isDigest } from "../../lib/index.ts";
import { mountsBelow, openRoot, unmount } from "../../linux/index.ts";
import {
  chunksOf,
  describeTree,
  device,
  dir,
  file,
  hard,
  listTree,
  type Member,
  opaque,
  readText,
  symlink,
  tar,
  whiteout,
} from "../testing.ts";
import type { DiffId, LayerFacts, Snapshotter } from "./snapshotter.ts";

/** Opens a snapshotter on a directory of its own; called again on the same directory after a "crash". */
export type OpenSnapshotter = (directory: string) => Promise<Snapshotter>;

const ROOT_TIME = 1_500_000_000_000_000_001n;

/** What every snapshotter promises; see `snapshotter.ts`. */
export function testSnapshotter(name: string, open: OpenSnapshotter): void {
  describe(name, async () => {
    const base = await mkdtemp(join(tmpdir(), "berth-snapshots-"));
    afterAll(async () => {
      for (const { target } of mountsBelow(base).reverse()) unmount(target, { lazy: true });
      await rm(base, { recursive: true, force: true });
    }, 60_000);
    let count = 0;
    let directory = "";
    let target = "";
    beforeEach(() => {
      directory = join(base, String(count++));
      target = join(directory, "target");
      mkdirSync(target, { recursive: true });
    });

    /** Takes a layer in, as the images do: the tar's file first, then the snapshotter's part. */
    async function add(snapshotter: Snapshotter, bytes: Uint8Array, chunkBytes = 65_536): Promise<DiffId> {
      return (await addWithFacts(snapshotter, bytes, chunkBytes)).diffId;
    }

    async function addWithFacts(
      snapshotter: Snapshotter,
      bytes: Uint8Array,
      chunkBytes = 65_536,
    ): Promise<{ diffId: DiffId; facts: LayerFacts }> {
      await using receiver = await snapshotter.receive();
      for await (const chunk of chunksOf(bytes, chunkBytes)) await receiver.write(chunk);
      const facts = await receiver.end();
      const diffId = digestOf(bytes);
      const tarPath = join(directory, `${diffId}.tar`);
      writeFileSync(tarPath, bytes);
      await receiver.stage(tarPath);
      await receiver.commit(diffId);
      return { diffId, facts };
    }

    const addAll = async (snapshotter: Snapshotter, ...layers: (readonly Member[])[]) => {
      const ids: DiffId[] = [];
      for (const members of layers) ids.push(await add(snapshotter, tar(...members)));
      return ids;
    };

    async function mounted<T>(
      snapshotter: Snapshotter,
      key: string,
      layers: DiffId[],
      work: (path: string) => T | Promise<T>,
      volatile = false,
    ): Promise<T> {
      await snapshotter.mount({ key, layers }, target, { volatile });
      try {
        return await work(target);
      } finally {
        unmount(target);
      }
    }

    const sh = (command: string, cwd: string): string => {
      const { exitCode, stdout, stderr } = Bun.spawnSync(["/bin/bash", "-euc", command], { cwd });
      if (exitCode !== 0) throw new Error(`${command}: ${stderr}`);
      return stdout.toString();
    };

    /** All files of the snapshotter but those in its trash, which are deleted in its own time, to see that nothing was left. */
    const inventory = () =>
      readdirSync(join(directory, "state"))
        .filter((room) => room !== "trash")
        .flatMap((room) => {
          const inside = readdirSync(join(directory, "state", room), { recursive: true });
          return [room, ...inside.map((path) => `${room}/${path}`)];
        })
        .sort();

    async function fresh(): Promise<Snapshotter> {
      return await open(join(directory, "state"));
    }

    describe("layers", () => {
      test("are there from commit to removal, and are named by their diff id", async () => {
        await using snapshotter = await fresh();
        const diffId = await add(snapshotter, tar(file("a", "x")));
        expect(isDigest(diffId)).toBe(true);
        expect(await snapshotter.hasLayer(diffId)).toBe(true);
        expect(await snapshotter.layers()).toEqual([diffId]);
        await snapshotter.removeLayer(diffId);
        await snapshotter.removeLayer(diffId);
        expect(await snapshotter.hasLayer(diffId)).toBe(false);
        expect(await snapshotter.layers()).toEqual([]);
        await expect(snapshotter.viewLayers([diffId])).rejects.toMatchObject({ kind: "NotFound" });
      });

      test("survive a restart", async () => {
        let diffId: DiffId;
        {
          await using snapshotter = await fresh();
          diffId = await add(snapshotter, tar(file("a", "kept")));
        }
        await using snapshotter = await fresh();
        expect(await snapshotter.layers()).toEqual([diffId]);
        using view = await snapshotter.viewLayers([diffId]);
        expect(readText(view, "a")).toBe("kept");
      });

      test("that are given up leave nothing", async () => {
        await using snapshotter = await fresh();
        const before = inventory();
        {
          await using receiver = await snapshotter.receive();
          await receiver.write(tar(file("a", "x"), dir("b")).subarray(0, 1500));
        }
        {
          await using receiver = await snapshotter.receive();
          await receiver.write(tar(file("a", "x")));
          await receiver.end();
        }
        await snapshotter.close();
        expect(inventory()).toEqual(before);
      });

      test("that a crash interrupted are swept", async () => {
        const first = await fresh();
        const before = inventory();
        const receiver = await first.receive();
        await receiver.write(tar(file("a", "x"), dir("b")));
        await receiver.end();
        await using again = await fresh();
        expect(await again.layers()).toEqual([]);
        await again.close();
        expect(inventory()).toEqual(before);
        await receiver[Symbol.asyncDispose]();
        await first.close();
      });

      test("may come twice, also at once", async () => {
        await using snapshotter = await fresh();
        const bytes = tar(dir("d"), file("d/a", "x"));
        const ids = await Promise.all([
          add(snapshotter, bytes),
          add(snapshotter, bytes),
          add(snapshotter, bytes),
        ]);
        expect(new Set(ids).size).toBe(1);
        expect(await snapshotter.layers()).toEqual([ids[0]!]);
        using view = await snapshotter.viewLayers([ids[0]!]);
        expect(listTree(view)).toEqual(["d directory", "d/a file"]);
      });

      test("tell how much is in them, and what they say about the root directory", async () => {
        await using snapshotter = await fresh();
        const members = [
          dir("./", { mode: 0o1777, uid: 3, gid: 4, mtimeNs: ROOT_TIME }),
          file("a", "12345"),
          hard("b", "a"),
          file("c", "1"),
          symlink("l", "1234"),
        ];
        const { facts } = await addWithFacts(snapshotter, tar(...members));
        expect(facts).toEqual({ entries: 5, contentBytes: 10, root: { mode: 0o1777, uid: 3, gid: 4 } });
        const { facts: silent } = await addWithFacts(snapshotter, tar(file("a", "1")));
        expect(silent.root).toBeUndefined();
      });

      test("keep all that a tar can say", async () => {
        await using snapshotter = await fresh();
        const notUtf8 = decodeName(Uint8Array.from([0x6e, 0xff, 0xc3]));
        const xattrs = new Map([
          ["user.note", Buffer.from("v\0\n=")],
          ["security.capability", Buffer.from("0100000200040000000000000000000000000000", "hex")],
        ]);
        const time = 1_234_567_890_123_456_789n;
        const members = [
          dir("d", {
            mode: 0o2750,
            uid: 1,
            gid: 2,
            mtimeNs: time,
            xattrs: new Map([["user.d", Buffer.from("d")]]),
          }),
          file("d/exact", Buffer.alloc(512, "e"), { mtimeNs: -1_500_000_001n }),
          file("d/capable", "x".repeat(513), { mode: 0o6755, uid: 70_000, gid: 4_000_000_000, xattrs }),
          file("d/empty", "", { mode: 0 }),
          file("d/large", Buffer.alloc(3_000_001, "berth "), { mtimeNs: time }),
          hard("d/hard", "d/large"),
          hard("z-hard", "d/large"),
          symlink("short", "../../etc/passwd", { uid: 5, gid: 6, mtimeNs: time }),
          symlink("long", `/${"l".repeat(250)}/${"m".repeat(250)}/${"n".repeat(250)}`),
          symlink("longest", `/${"l/".repeat(2000)}`),
          device("null", 1, 3, { mode: 0o666, uid: 7 }),
          { header: { name: "disk", kind: "block", major: 259, minor: 70_000, mode: 0o660 } } as Member,
          { header: { name: "pipe", kind: "fifo", mode: 0o600 } } as Member,
          file("größe/日本/🐋", "utf8"),
          file(notUtf8, "bytes"),
          file("n".repeat(255), "long name"),
          file(`${"p".repeat(200)}/${"q".repeat(200)}/${"r".repeat(200)}`, "long path"),
          file("-dash", "x"),
          file(" space", "x"),
          file("new\nline", "x"),
        ];
        const bytes = tar(...members);
        const diffId = await add(snapshotter, bytes, 1000);
        using view = await snapshotter.viewLayers([diffId]);
        mkdirSync(join(directory, "by-tar"));
        writeFileSync(join(directory, "t.tar"), bytes);
        sh("tar --xattrs --xattrs-include='*' -xpf ../t.tar", join(directory, "by-tar"));
        using expected = openRoot(join(directory, "by-tar"));
        // Directories that the archive only implies get the time of unpacking.
        const told = (lines: string[]) =>
          lines.filter((line) => !/^"(?:größe|größe\/日本|p+|p+\/q+)" /.test(line));
        expect(told(describeTree(view))).toEqual(told(describeTree(expected)));
      });

      for (const options of [
        "--format=gnu -S",
        "--format=posix -S",
        "--format=posix --sparse-version=0.1 -S",
        "--format=oldgnu",
      ]) {
        test(`written by GNU tar ${options}`, async () => {
          await using snapshotter = await fresh();
          const tree = join(directory, "tree");
          mkdirSync(tree);
          sh(
            `truncate -s 9M holes; printf tail >>holes; printf mid | dd of=holes bs=1 seek=5000000 conv=notrunc status=none
             truncate -s 1M all-hole; truncate -s 100000 odd; printf x | dd of=odd bs=1 seek=70000 conv=notrunc status=none
             mkdir -p a/b; printf x >a/f; ln a/f a/b/hard; ln -s f a/link; mkfifo p; mknod c c 5 6; touch -d 2001-02-03T04:05:06.5Z a`,
            tree,
          );
          sh(`tar ${options} --sort=name -cf ../t.tar .`, tree);
          const bytes = await Bun.file(join(directory, "t.tar")).bytes();
          const diffId = await add(snapshotter, bytes);
          using view = await snapshotter.viewLayers([diffId]);
          using expected = openRoot(tree);
          const seconds = (lines: string[]) =>
            options.includes("posix")
              ? lines
              : lines.map((line) => line.replace(/ (\d+)\d{9}( |$)/, " $1$2"));
          expect(seconds(describeTree(view))).toEqual(seconds(describeTree(expected)));
        });
      }

      test("the last of equal names wins, files and directories replace one another", async () => {
        await using snapshotter = await fresh();
        const [diffId] = await addAll(snapshotter, [
          file("a", "1"),
          file("./a", "2"),
          file("/a", "3"),
          dir("d"),
          file("d/x", "x"),
          file("d", "file"),
          file("f", "file"),
          dir("f/"),
          file("f/y", "y"),
          dir("merged", { mode: 0o700 }),
          file("merged/one", "1"),
          dir("merged", { mode: 0o711 }),
          file("merged/two", "2"),
          symlink("s", "a"),
          file("s", "own"),
          file("h", "old"),
          hard("h2", "h"),
          file("h", "new"),
        ]);
        using view = await snapshotter.viewLayers([diffId!]);
        expect(listTree(view)).toEqual([
          "a file",
          "d file",
          "f directory",
          "f/y file",
          "h file",
          "h2 file",
          "merged directory",
          "merged/one file",
          "merged/two file",
          "s file",
        ]);
        expect(["a", "d", "s", "h", "h2"].map((path) => readText(view, path))).toEqual([
          "3",
          "file",
          "own",
          "new",
          "old",
        ]);
        expect(view.stat("merged").mode).toBe(0o711);
        expect(view.stat("h2").nlink).toBe(1);
      });

      test("a hard link may come before what it links to; a link in the way is followed within the layer", async () => {
        await using snapshotter = await fresh();
        const [diffId] = await addAll(snapshotter, [
          hard("early", "d/a"),
          hard("chain", "early"),
          dir("d"),
          file("d/a", "x"),
          dir("usr/lib"),
          symlink("lib", "usr/lib"),
          symlink("abs", "/usr/../usr/lib"),
          symlink("out", "../../../usr"),
          file("lib/one", "1"),
          file("abs/two", "2"),
          file("out/three", "3"),
          hard("hard", "abs/one"),
          dir("lib/sub"),
        ]);
        using view = await snapshotter.viewLayers([diffId!]);
        expect(
          ["early", "chain", "usr/lib/one", "usr/lib/two", "usr/three", "hard"].map((p) => readText(view, p)),
        ).toEqual(["x", "x", "1", "2", "3", "1"]);
        expect(view.stat("chain").nlink).toBe(3);
        expect(view.stat("hard").ino).toBe(view.stat("usr/lib/one").ino);
        expect(view.stat("lib", { follow: false }).kind).toBe("symlink");
        expect(view.stat("usr/lib/sub").kind).toBe("directory");
      });

      test("with 10,000 files, 3,000 of them in one directory, and of 1 GB with holes", async () => {
        await using snapshotter = await fresh();
        const members: Member[] = [];
        for (let i = 0; i < 3000; i++) members.push(file(`one/${"name".repeat(i % 30)}-${i}`, String(i)));
        for (let i = 0; i < 7_000; i++) members.push(file(`many/${i % 70}/${i}`, String(i)));
        const segments = [
          { offset: 4096, length: 4096 },
          { offset: 2 ** 29, length: 8192 },
          { offset: 2 ** 30 - 4096, length: 4096 },
        ];
        members.push(file("holes", Buffer.alloc(16_384, "h"), { size: 2 ** 30, segments }));
        const diffId = await add(snapshotter, tar(...members), 1 << 20);
        using view = await snapshotter.viewLayers([diffId]);
        expect(view.list("one").length).toBe(3000);
        expect(view.list("many/7").length).toBe(100);
        for (let i = 0; i < 3000; i += 97)
          expect(readText(view, `one/${"name".repeat(i % 30)}-${i}`)).toBe(String(i));
        expect(readText(view, "many/5/5")).toBe("5");
        expect(view.stat("holes").size).toBe(2 ** 30);
        const fd = view.openRegular("holes");
        const at = Buffer.alloc(10);
        for (const [offset, content] of [
          [4090, "\0\0\0\0\0\0hhhh"],
          [2 ** 29 + 8187, "hhhhh\0\0\0\0\0"],
          [2 ** 30 - 10, "hhhhhhhhhh"],
        ] as const) {
          readSync(fd, at, 0, 10, offset);
          expect(at.toString()).toBe(content);
        }
        closeSync(fd);
      }, 60_000);
    });

    describe("hostile layers are refused or harmless, write nothing outside, and leave nothing", () => {
      const deep = "a/".repeat(100_000);
      const cases: [name: string, members: Member[], expected: RegExp | string[]][] = [
        ["a name that climbs", [file("../canary/new", "x")], /outside of the archive's root/],
        ["a name that climbs later", [file("a/../../canary/new", "x")], /outside of the archive's root/],
        ["an absolute name", [file("/canary/new", "x")], ["canary directory", "canary/new file"]],
        ["a file through a link out", [symlink("l", "../canary"), file("l/new", "x")], /ENOTDIR/],
        ["a file over a link out", [symlink("l", "../canary/file"), file("l", "x")], ["l file"]],
        [
          "a directory over a link out",
          [symlink("l", "../canary"), dir("l"), file("l/new", "x")],
          ["l directory", "l/new file"],
        ],
        ["a hard link out", [hard("h", "../canary/file")], /outside of the archive's root/],
        ["a hard link to nothing", [hard("h", "canary/file")], /which is not there/],
        ["a hard link to itself only", [hard("h", "h2"), hard("h2", "h")], /which is not there/],
        ["a hard link to a directory", [dir("d"), hard("h", "d")], /EPERM|is a directory/],
        ["a hard link through a link out", [symlink("l", "../canary"), hard("h", "l/file")], /not there/],
        [
          "a directory swapped for a link",
          [dir("d"), symlink("d", "../canary"), file("d/file", "x")],
          /ENOTDIR/,
        ],
        ["a whiteout through a link out", [symlink("l", "../canary"), whiteout("l/file")], /ENOTDIR/],
        ["a whiteout that climbs", [file(".wh...", "")], /invalid whiteout/],
        ["a whiteout of nothing", [file("d/.wh.", "")], /invalid whiteout/],
        ["a link of nothing", [symlink("l", "")], /no target/],
        ["a loop of links", [symlink("a", "b"), symlink("b", "a"), file("a/x", "x")], /ELOOP/],
        ["a name 100,000 deep", [file(`${deep}x`, "x")], /ENAMETOOLONG/],
        ["a link to a name 100,000 deep", [symlink("l", deep)], /ENAMETOOLONG/],
        ["a component of 256 bytes", [file("n".repeat(256), "x")], /ENAMETOOLONG/],
        ["a file in the way of a directory", [file("f", "x"), file("f/x", "x")], /ENOTDIR/],
        ["an unknown type", [file("x", "x"), { header: { name: "v", kind: "file" } }], ["v file", "x file"]],
      ];
      for (const [name, members, expected] of cases) {
        test(name, async () => {
          await using snapshotter = await fresh();
          mkdirSync(join(directory, "canary"));
          writeFileSync(join(directory, "canary/file"), "precious");
          const [before, canary] = [inventory(), statSync(join(directory, "canary/file"), { bigint: true })];
          const bytes = tar(...members);
          if (expected instanceof RegExp) {
            await expect(add(snapshotter, bytes)).rejects.toThrow(expected);
            await snapshotter.close();
            expect(inventory()).toEqual(before);
          } else {
            using view = await snapshotter.viewLayers([await add(snapshotter, bytes)]);
            expect(listTree(view)).toEqual(expected);
          }
          expect(statSync(join(directory, "canary/file"), { bigint: true })).toEqual(canary);
          expect(readdirSync(join(directory, "canary"))).toEqual(["file"]);
        });
      }

      test("cut short or damaged", async () => {
        await using snapshotter = await fresh();
        const before = inventory();
        const whole = tar(dir("d"), file("d/a", "x".repeat(3000)));
        await expect(add(snapshotter, whole.subarray(0, 2000))).rejects.toThrow("unexpected EOF");
        const damaged = Buffer.from(whole);
        damaged[100]! ^= 0xff;
        await expect(add(snapshotter, damaged)).rejects.toThrow("invalid tar header");
        await expect(add(snapshotter, Buffer.alloc(2000, "noise"))).rejects.toThrow("invalid tar header");
        await snapshotter.close();
        expect(inventory()).toEqual(before);
      });

      test("attributes that would redirect the overlay", async () => {
        await using snapshotter = await fresh();
        const xattrs = new Map([
          ["trusted.overlay.redirect", Buffer.from("/secret")],
          ["trusted.overlay.opaque", Buffer.from("y")],
        ]);
        const layers = await addAll(
          snapshotter,
          [file("secret/key", "k"), file("d/below", "b")],
          [dir("d", { xattrs })],
        );
        using view = await snapshotter.viewLayers(layers);
        expect(listTree(view)).toEqual([
          "d directory",
          "d/below file",
          "secret directory",
          "secret/key file",
        ]);
      });
    });

    describe("stacks", () => {
      test("whiteouts, opaque directories and replacements hide what is below", async () => {
        await using snapshotter = await fresh();
        const layers = await addAll(
          snapshotter,
          [
            file("gone", "1"),
            file("dir-gone/x", "1"),
            file("op/old", "1"),
            file("op/both", "1"),
            file("keep/a", "1"),
            file("again/old", "1"),
            file("now-dir", "1"),
            file("now-file/x", "1"),
            file("implied/old", "1"),
            symlink("l", "keep"),
          ],
          [
            whiteout("gone"),
            whiteout("dir-gone"),
            dir("op"),
            file("op/new", "2"),
            file("op/both", "2"),
            opaque("op"),
            file("keep/b", "2"),
            whiteout("again"),
            dir("again"),
            file("again/new", "2"),
            dir("now-dir"),
            file("now-file", "2"),
            whiteout("implied"),
            file("implied/new", "2"),
            whiteout("never-there"),
          ],
          [file("gone", "3"), whiteout("keep/a"), dir("l"), file("l/x", "3")],
        );
        using view = await snapshotter.viewLayers(layers);
        expect(listTree(view)).toEqual([
          "again directory",
          "again/new file",
          "gone file",
          "implied directory",
          "implied/new file",
          "keep directory",
          "keep/b file",
          "l directory",
          "l/x file",
          "now-dir directory",
          "now-file file",
          "op directory",
          "op/both file",
          "op/new file",
        ]);
        expect([readText(view, "gone"), readText(view, "op/both")]).toEqual(["3", "2"]);
      });

      test("may be empty, name a layer twice, and be 120 high", async () => {
        await using snapshotter = await fresh();
        using none = await snapshotter.viewLayers([]);
        expect(listTree(none)).toEqual([]);
        const [a, b] = await addAll(
          snapshotter,
          [file("x", "a"), dir("d"), file("d/a")],
          [file("x", "b"), file("d/b")],
        );
        using twice = await snapshotter.viewLayers([a!, b!, a!]);
        expect(readText(twice, "x")).toBe("a");
        expect(listTree(twice)).toEqual(["d directory", "d/a file", "d/b file", "x file"]);
        const many: DiffId[] = [];
        for (let i = 0; i < 120; i++)
          many.push((await addAll(snapshotter, [file(`f${i}`, String(i)), file("top", String(i))]))[0]!);
        using high = await snapshotter.viewLayers(many);
        expect(high.list("/").length).toBe(121);
        expect(readText(high, "top")).toBe("119");
        await snapshotter.prepare({ key: "high", layers: many });
        await mounted(snapshotter, "high", many, (path) => expect(readdirSync(path).length).toBe(121));
      });
    });

    describe("snapshots", () => {
      test("keep changes over mounts and restarts, and go when they are removed", async () => {
        const key = "c".repeat(64);
        let layers: DiffId[];
        {
          await using snapshotter = await fresh();
          layers = await addAll(snapshotter, [file("a", "layer")]);
          await snapshotter.prepare({ key, layers });
          await mounted(snapshotter, key, layers, (path) => writeFileSync(join(path, "a"), "changed"));
          await snapshotter.prepare({ key, layers });
        }
        await using snapshotter = await fresh();
        expect(await snapshotter.snapshots()).toEqual([key]);
        await mounted(snapshotter, key, layers, (path) => expect(sh("cat a", path)).toBe("changed"));
        using view = await snapshotter.view({ key, layers });
        expect(readText(view, "a")).toBe("changed");
        using layer = await snapshotter.viewLayers(layers);
        expect(readText(layer, "a")).toBe("layer");
        expect(await snapshotter.usage(key)).toBe(7);
        await snapshotter.remove(key);
        await snapshotter.remove(key);
        expect(await snapshotter.snapshots()).toEqual([]);
        await expect(snapshotter.mount({ key, layers }, target, { volatile: false })).rejects.toMatchObject({
          kind: "NotFound",
        });
      });

      test("do not see one another, and leave no mount behind", async () => {
        await using snapshotter = await fresh();
        const layers = await addAll(snapshotter, [file("a", "1")]);
        for (const key of ["one", "two"]) await snapshotter.prepare({ key, layers });
        await mounted(snapshotter, "one", layers, (path) => writeFileSync(join(path, "new"), "1"), true);
        await mounted(snapshotter, "two", layers, (path) => expect(readdirSync(path)).toEqual(["a"]));
        expect(mountsBelow(target)).toEqual([]);
        await snapshotter.close();
        expect(mountsBelow(directory)).toEqual([]);
      });

      test("stay mounted when a layer is removed under them", async () => {
        await using snapshotter = await fresh();
        const layers = await addAll(snapshotter, [file("a", "still here")]);
        await snapshotter.prepare({ key: "k", layers });
        await mounted(snapshotter, "k", layers, async (path) => {
          if (snapshotter.driver === "erofs") {
            await snapshotter.removeLayer(layers[0]!);
            expect(sh("cat a", path)).toBe("still here");
          }
        });
      });

      test("show the root directory's owner and mode", async () => {
        await using snapshotter = await fresh();
        const layers = await addAll(snapshotter, [file("a")]);
        await snapshotter.prepare({ key: "plain", layers });
        await snapshotter.prepare({ key: "special", layers, root: { mode: 0o1751, uid: 8, gid: 9 } });
        await mounted(snapshotter, "plain", layers, (path) =>
          expect(statSync(path)).toMatchObject({ mode: 0o40755, uid: 0 }),
        );
        await mounted(snapshotter, "special", layers, (path) =>
          expect(statSync(path)).toMatchObject({ mode: 0o41751, uid: 8, gid: 9 }),
        );
      });

      test("refuse keys that are no names", async () => {
        await using snapshotter = await fresh();
        for (const key of ["", ".", "..", "../x", "a/b", "/x", "x\0", "-x"]) {
          await expect(snapshotter.prepare({ key, layers: [] })).rejects.toThrow();
          await expect(snapshotter.remove(key)).rejects.toThrow();
        }
      });

      test("are in directories that only their owner may enter", async () => {
        await using snapshotter = await fresh();
        await snapshotter.prepare({ key: "k", layers: await addAll(snapshotter, [file("a")]) });
        for (const name of readdirSync(join(directory, "state"))) {
          expect(statSync(join(directory, "state", name)).mode & 0o777).toBe(0o700);
        }
      });
    });

    describe("changes and diff", () => {
      const layer = [
        file("etc/passwd", "root"),
        file("etc/same", "same", { mtimeNs: 5n }),
        dir("etc/deep/er"),
        file("etc/deep/er/file", "x"),
        dir("was-dir"),
        file("was-dir/in", "x"),
        file("was-file", "x"),
        symlink("link", "etc"),
        dir("tmp", { mode: 0o1777 }),
        file("replaced/kept", "k"),
        file("replaced/lost/deep", "l"),
        file("moved", "m"),
        file("su", "s", { mode: 0o4755, uid: 3, xattrs: new Map([["user.a", Buffer.from("1")]]) }),
        dir("empty"),
      ];
      const script = `
        printf more >>etc/passwd; touch -d @0.000000005 etc/same; rm etc/deep/er/file; printf n >etc/deep/new
        rm -r was-dir; printf f >was-dir; rm was-file; mkdir was-file; printf i >was-file/in; ln -sfn /var link
        mkdir -p var/lib/app; printf data >var/lib/app/data; ln var/lib/app/data var/lib/app/hard
        mv moved renamed; chmod 755 su; rm -r empty; mkdir empty; printf e >empty/e; rm -r replaced; mkdir replaced; printf new >replaced/kept; touch -d @7 tmp; chown 5 etc/deep/er; mkfifo var/pipe; mknod var/null c 1 3
        mkdir dev; : >dev/console; : >.dockerenv; printf own >etc/hosts; : >etc/hostname`;
      const engine = ["/.dockerenv", "/dev", "/dev/console", "/etc/hosts", "/etc/hostname"];

      async function changed(snapshotter: Snapshotter): Promise<DiffId[]> {
        const layers = await addAll(snapshotter, layer);
        await snapshotter.prepare({ key: "k", layers });
        await mounted(snapshotter, "k", layers, (path) => sh(script, path));
        return layers;
      }

      test("changes are what Docker's diff tells", async () => {
        await using snapshotter = await fresh();
        const layers = await changed(snapshotter);
        const changes = await snapshotter.changes({ key: "k", layers }, { exclude: engine });
        const lines = changes.map(({ Kind, Path }) => `${"CAD"[Kind]} ${Path}`);
        expect(lines.sort()).toEqual(
          [
            "C /etc",
            "C /etc/passwd",
            "A /etc/hosts",
            "C /etc/deep",
            "A /etc/deep/new",
            "C /etc/deep/er",
            "D /etc/deep/er/file",
            "C /was-dir",
            "C /was-file",
            "A /was-file/in",
            "C /link",
            "A /var",
            "A /var/lib",
            "A /var/lib/app",
            "A /var/lib/app/data",
            "A /var/lib/app/hard",
            "A /var/null",
            "A /var/pipe",
            "D /moved",
            "A /renamed",
            "C /su",
            "C /empty",
            "C /replaced",
            "C /replaced/kept",
            "D /replaced/lost",
            "A /empty/e",
          ].sort(),
        );
      });

      test("a snapshot that nothing happened to has no changes and an empty diff", async () => {
        await using snapshotter = await fresh();
        const layers = await addAll(snapshotter, layer);
        await snapshotter.prepare({ key: "k", layers });
        await mounted(snapshotter, "k", layers, (path) => sh("cat etc/passwd; ls -R . >/dev/null", path));
        expect(await snapshotter.changes({ key: "k", layers })).toEqual([]);
        expect(Buffer.concat(await Array.fromAsync(snapshotter.diff({ key: "k", layers })))).toEqual(
          Buffer.from(tar()),
        );
      });

      test("the diff, as a layer on top, gives the same root file system again", async () => {
        await using snapshotter = await fresh();
        const layers = await changed(snapshotter);
        const bytes = Buffer.concat(await Array.fromAsync(snapshotter.diff({ key: "k", layers })));
        const top = await add(snapshotter, bytes);
        using before = await snapshotter.view({ key: "k", layers });
        using after = await snapshotter.viewLayers([...layers, top]);
        expect(describeTree(after)).toEqual(describeTree(before));
        const again = Buffer.concat(await Array.fromAsync(snapshotter.diff({ key: "k", layers })));
        expect(again.equals(bytes)).toBe(true);
      });

      test("the diff of a container that did nothing is empty, whatever the engine made for it", async () => {
        await using snapshotter = await fresh();
        const layers = await addAll(snapshotter, layer);
        await snapshotter.prepare({ key: "k", layers });
        const engines =
          "mkdir dev; : >dev/console; : >.dockerenv; : >etc/hostname; ln -s /proc/mounts etc/mtab";
        await mounted(snapshotter, "k", layers, (path) => sh(engines, path));
        const options = { exclude: [...engine, "/etc/mtab"] };
        const diff = async () =>
          Buffer.concat(await Array.fromAsync(snapshotter.diff({ key: "k", layers }, options)));
        expect(await diff()).toEqual(Buffer.from(tar()));
        await mounted(snapshotter, "k", layers, (path) => sh("chmod 700 etc", path));
        expect((await diff()).toString()).toContain("etc/");
      });

      test("the diff leaves out what the engine made, while it is as it was made", async () => {
        await using snapshotter = await fresh();
        const layers = await changed(snapshotter);
        const options = { exclude: engine };
        const bytes = Buffer.concat(await Array.fromAsync(snapshotter.diff({ key: "k", layers }, options)));
        using view = await snapshotter.viewLayers([await add(snapshotter, bytes)]);
        expect(view.exists("dev")).toBe(false);
        expect(view.exists(".dockerenv")).toBe(false);
        expect(view.exists("etc/hostname")).toBe(false);
        expect(readText(view, "etc/hosts")).toBe("own");
      });
    });
  });
}
