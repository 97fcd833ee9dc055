import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ImageConfig, ImageFile, ImageFileChange } from "../../wire/index.ts";
import { dir, file, hard, type Member, opaque, symlink, tar, whiteout } from "../testing.ts";
import { TestStore } from "../testing-store.ts";
import { type ArchivedLayers, ociArchive } from "./testing-archive.ts";

// The machine may be busy with other tests; none of these is about time.
setDefaultTimeout(60_000);

const TIME = { mtimeNs: 1_500_000_000_000_000_000n };
const LATER = { mtimeNs: 1_600_000_000_000_000_000n };

for (const driver of ["erofs", "overlay"] as const) {
  describe(`files that are different (${driver})`, () => {
    let store: TestStore;
    beforeAll(async () => {
      store = await TestStore.create(driver);
    });
    afterAll(() => store[Symbol.asyncDispose]());

    const add = (name: string, layers: ArchivedLayers, config?: ImageConfig) =>
      store.images.load(ociArchive(name, layers, config));
    async function changes(from: string, to: string): Promise<string[]> {
      const { files } = await store.images.versions.diff(from, to);
      return (await Array.fromAsync(files)).map(line);
    }
    const line = ({ Change, Path, Size, SizeBefore, What }: ImageFileChange) =>
      `${Change} ${Path} ${SizeBefore}>${Size}${What === undefined ? "" : ` ${What.join(",")}`}`;

    const base: Member[] = [
      dir("etc", TIME),
      file("etc/config", "one", TIME),
      file("etc/same", "same", TIME),
      dir("old", TIME),
      file("old/a", "aa", TIME),
      file("old/b", "bbb", TIME),
      dir("swap", TIME),
      file("swap/inside", "1", TIME),
      symlink("link", "etc", TIME),
      file("touched", "t", TIME),
      file("untouched", "u", TIME),
      file("mode", "m", TIME),
    ];
    const upper: Member[] = [
      dir("etc", TIME),
      file("etc/config", "two", TIME),
      file("etc/new", "four", TIME),
      whiteout("old/a"),
      file("swap", "now a file", TIME),
      symlink("link", "old", TIME),
      file("touched", "t", LATER),
      file("mode", "m", { ...TIME, mode: 0o755, uid: 7 }),
    ];
    const expected = [
      "changed /etc/config 3>3 content",
      "added /etc/new 0>4",
      "changed /link 0>0 target",
      "changed /mode 1>1 mode,owner",
      "removed /old/a 2>0",
      "changed /swap 0>10 type",
      "removed /swap/inside 1>0",
      "changed /touched 1>1 time",
    ];

    test("on a common base, forth and back", async () => {
      await add("base", [tar(...base)]);
      await add("upper", [tar(...base), tar(...upper)]);
      expect(await changes("base", "upper")).toEqual(expected);
      const back = await changes("upper", "base");
      expect(back).toHaveLength(expected.length);
      expect(back).toContain("removed /etc/new 4>0");
      expect(back).toContain("added /swap/inside 0>1");
      expect(await changes("upper", "upper")).toEqual([]);
    });

    test("without a common layer the same is found", async () => {
      const whole = [
        ...base.filter(({ header: { name } }) => !["old/a", "swap", "swap/inside"].includes(name)),
        ...upper.filter(({ header: { name } }) => !name.includes(".wh.")),
      ];
      await add("flat", [tar(...whole)]);
      expect(await changes("base", "flat")).toEqual(expected);
      expect(await changes("upper", "flat")).toEqual([]);
    });

    test("what is below a directory that a layer replaces is looked at, too", async () => {
      await add("opaque", [tar(...base), tar(dir("old", TIME), opaque("old"), file("old/b", "bbb", TIME))]);
      expect(await changes("base", "opaque")).toEqual(["removed /old/a 2>0"]);
      await add("again", [
        tar(...base),
        tar(whiteout("old")),
        tar(dir("old", TIME), file("old/c", "c", TIME)),
      ]);
      expect(await changes("base", "again")).toEqual([
        "removed /old/a 2>0",
        "removed /old/b 3>0",
        "added /old/c 0>1",
      ]);
    });

    test("a layer that changes nothing makes no difference", async () => {
      await add("same", [
        tar(...base),
        tar(dir("etc", TIME), file("etc/same", "same", TIME), whiteout("no")),
      ]);
      expect(await changes("base", "same")).toEqual([]);
    });

    test("large files are read to their end", async () => {
      const large = Buffer.alloc(3_000_000, 1);
      await add("large1", [tar(...base), tar(file("large", large, TIME))]);
      large[large.length - 1] = 2;
      await add("large2", [tar(...base), tar(file("large", large, TIME))]);
      expect(await changes("large1", "large2")).toEqual(["changed /large 3000000>3000000 content"]);
    });

    test("an image without layers", async () => {
      await add("empty", []);
      expect(await changes("empty", "empty")).toEqual([]);
      expect(await changes("empty", "base")).toHaveLength(base.length);
    });

    test("names keep every byte, and the order is that of paths", async () => {
      const names = ["a/b", "a.b", "a/b/c", "z", "line\nfeed", "bad\udc80byte"];
      await add("names", [
        tar(dir("a"), dir("a/b"), ...names.filter((name) => name !== "a/b").map((name) => file(name))),
      ]);
      const { files } = await store.images.versions.diff("empty", "names");
      expect((await Array.fromAsync(files)).map(({ Path }) => Path)).toEqual([
        "/a",
        "/a/b",
        "/a/b/c",
        "/a.b",
        "/bad\udc80byte",
        "/line\nfeed",
        "/z",
      ]);
    });

    test("configuration and layers", async () => {
      await add("config1", [tar(...base)], {
        Env: ["A=1", "B=1"],
        Cmd: ["a"],
        Labels: { "a.b": "1" },
        ExposedPorts: { "80/tcp": {} },
      });
      await add("config2", [tar(...base), tar(file("x", "xx"))], {
        Env: ["B=1", "A=2"],
        Entrypoint: ["e"],
        User: "",
        Labels: { "a.b": "1", c: "2" },
      });
      const diff = await store.images.versions.diff("config1", "config2");
      expect(diff.Config).toEqual([
        { Field: "Cmd", Change: "removed", Before: '["a"]' },
        { Field: "Entrypoint", Change: "added", After: '["e"]' },
        { Field: "Env.A", Change: "changed", Before: "1", After: "2" },
        { Field: "ExposedPorts.80/tcp", Change: "removed", Before: "" },
        { Field: "Labels.c", Change: "added", After: "2" },
      ]);
      expect(diff.Layers).toMatchObject([
        { Change: "same", CreatedBy: "step 0" },
        { Change: "added", Size: 2, CreatedBy: "step 1" },
      ]);
      expect(diff.From).toMatchObject({ Reference: "config1", Layers: 1 });
    });

    test("versions by number and by distance", async () => {
      await add("moved", [tar(file("a", "1"))]);
      await add("moved", [tar(file("a", "22"))]);
      await add("moved", [tar(file("a", "333"))]);
      const sizes = async (from: string, to: string) => {
        const { From, To } = await store.images.versions.diff(from, to);
        return [From.Size, To.Size];
      };
      expect(await sizes("moved@1", "moved")).toEqual([1, 3]);
      expect(await sizes("moved~", "moved~2")).toEqual([2, 1]);
      expect(await sizes("moved:latest~0", "moved~1")).toEqual([3, 2]);
      await expect(sizes("moved@7", "moved")).rejects.toThrow(
        "moved:latest has no version 7; kept are 1, 2, 3",
      );
      await expect(sizes("moved~3", "moved")).rejects.toThrow("moved:latest has no version ~3");
      await expect(sizes("nothing@1", "moved")).rejects.toThrow("No such image: nothing:latest");
      await expect(sizes("nothing", "moved")).rejects.toThrow("No such image: nothing:latest");
    });

    describe("layers and their files", () => {
      const all = async (image: string, layer: string) =>
        await Array.fromAsync(await store.images.versions.files(image, layer));
      const brief = ({ Path, Type, Mode, Uid, Size, Link, Opaque }: ImageFile) =>
        [Path, Type, Mode.toString(8), Uid, Size, Link ?? "", Opaque === true ? "opaque" : ""]
          .join(" ")
          .trim();

      test("of one layer, with what it takes away, and of all", async () => {
        const layers = [
          tar(dir("d", TIME), file("d/a", "aa", TIME), file("b", "b", { ...TIME, mode: 0o4755 })),
          tar(dir("d", { ...TIME, mode: 0o700 }), opaque("d"), symlink("d/l", "../b", TIME), whiteout("b")),
        ];
        await add("explored", layers);
        const top = ["/b deleted 0 0 0", "/d directory 700 0 0  opaque", "/d/l symlink 777 0 0 ../b"];
        expect((await all("explored", "2")).map(brief)).toEqual(top);
        const { Layers } = await store.images.versions.layers("explored");
        expect((await all("explored", Layers[1]!.Digest)).map(brief)).toEqual(top);
        expect((await all("explored", Layers[1]!.Digest.slice(7, 19))).map(brief)).toEqual(top);
        expect((await all("explored", "1")).map(brief)).toEqual([
          "/b file 4755 0 1",
          "/d directory 755 0 0",
          "/d/a file 644 0 2",
        ]);
        expect((await all("explored", "all")).map(brief)).toEqual([
          "/d directory 700 0 0",
          "/d/l symlink 777 0 0 ../b",
        ]);
        expect((await all("explored", "1"))[0]!.ModTime).toBe("2017-07-14T02:40:00Z");
        await expect(all("explored", "3")).rejects.toThrow(
          "explored has no layer 3: it has 2, from the bottom",
        );
        await expect(all("explored", "zz")).rejects.toThrow("explored has no layer zz");
      });

      test("times before 1970 and hard links", async () => {
        await add("times", [tar(file("a", "x", { mtimeNs: -1_500_000_000n }), hard("b", "a"))]);
        const files = await all("times", "1");
        expect(files.map(({ Path, Size, ModTime }) => [Path, Size, ModTime])).toEqual([
          ["/a", 1, "1969-12-31T23:59:58.500000000Z"],
          ["/b", 1, "1969-12-31T23:59:58.500000000Z"],
        ]);
      });

      test("who shares a layer", async () => {
        await add("shared1", [tar(file("common", "1234")), tar(file("own", "12"))]);
        await add("shared2", [tar(file("common", "1234"))]);
        const { Layers, Size, UniqueSize, Names } = await store.images.versions.layers("shared1");
        expect({ Size, UniqueSize, Names }).toEqual({ Size: 6, UniqueSize: 2, Names: ["shared1:latest"] });
        expect(
          Layers.map(({ Number: number, SharedWith }) => [number, SharedWith.flatMap(({ Names }) => Names)]),
        ).toEqual([
          [1, ["shared2:latest"]],
          [2, []],
        ]);
      });
    });
  });
}
