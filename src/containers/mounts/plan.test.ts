import { describe, expect, test } from "bun:test";
import { recordFor } from "../testing.ts";
import { parseBind } from "./bind.ts";
import { parseMode } from "./mode.ts";
import { parseMount } from "./mount.ts";
import { isLocalPath } from "./path.ts";
import { planMounts } from "./plan.ts";
import { mergeTmpfsOptions, parseTmpfs } from "./tmpfs.ts";
import { parseVolumesFrom } from "./volumes-from.ts";

const nothingThere = { container: () => recordFor({}), exists: () => true };

describe("-v", () => {
  test("binds, volumes and anonymous volumes", () => {
    expect(parseBind("/src/../a/:/dst/", undefined)).toMatchObject({
      type: "bind",
      source: "/a",
      destination: "/dst",
      readOnly: false,
      propagation: "rprivate",
      createSource: true,
    });
    expect(parseBind("/a:/b:ro,rshared,z", undefined)).toMatchObject({
      readOnly: true,
      propagation: "rshared",
      mode: "ro,rshared,z",
    });
    expect(parseBind("data:/b:nocopy", "nfs")).toMatchObject({
      type: "volume",
      name: "data",
      copyUp: false,
      volume: { driver: "nfs" },
    });
    expect(parseBind("/b", undefined)).toMatchObject({ type: "volume", anonymous: true, copyUp: true });
  });

  test.each([
    ["", "invalid volume specification: ''"],
    [":/b", "invalid volume specification: ':/b'"],
    ["/a:ro", "invalid volume specification: '/a:ro'"],
    ["/a:/b:ro:x", "invalid volume specification: '/a:/b:ro:x'"],
    ["/a:/b:wild", "invalid mode: wild"],
    ["/a:/b:ro,rw", "invalid mode: ro,rw"],
    ["/a:/", "destination can't be '/'"],
    ["/a:/..", "destination can't be '/'"],
    ["/a:b", "mount path must be absolute"],
    ["data:/b:rshared", "field BindOptions must not be specified"],
    ["/a:/b:nocopy", "field VolumeOptions must not be specified"],
  ])("%p is refused", (text, message) => {
    expect(() => parseBind(text, undefined)).toThrow(message);
  });

  test("words of a mode", () => {
    expect(parseMode("")).toEqual({ readOnly: false });
    expect(parseMode("Z,ro,cached,slave")).toEqual({ readOnly: true, propagation: "slave" });
    expect(parseMode("volume-nocopy")).toEqual({ readOnly: false, noCopy: true });
    expect(parseMode("z,Z")).toBeUndefined();
    expect(parseMode(",")).toBeUndefined();
  });
});

describe("--mount", () => {
  const there = () => true;
  test("bind", () => {
    expect(
      parseMount(
        {
          Type: "bind",
          Source: "/a",
          Target: "/b",
          ReadOnly: true,
          BindOptions: { Propagation: "rslave", NonRecursive: true, ReadOnlyNonRecursive: true },
        },
        there,
      ),
    ).toMatchObject({
      source: "/a",
      readOnly: true,
      propagation: "rslave",
      nonRecursive: true,
      readOnlyRecursion: "off",
      createSource: false,
    });
  });

  test("a bind's source must be there, unless it may be made", () => {
    const mount = { Type: "bind", Source: "/no", Target: "/b" };
    expect(() => parseMount(mount, () => false)).toThrow(
      'invalid mount config for type "bind": bind source path does not exist: /no',
    );
    expect(parseMount({ ...mount, BindOptions: { CreateMountpoint: true } }, () => false)).toMatchObject({
      createSource: true,
    });
  });

  test("volume, tmpfs, image", () => {
    expect(
      parseMount(
        {
          Type: "volume",
          Source: "v",
          Target: "/b",
          VolumeOptions: {
            NoCopy: true,
            Labels: { a: "b" },
            DriverConfig: { Name: "local", Options: { type: "tmpfs" } },
            Subpath: "x/y",
          },
        },
        there,
      ),
    ).toMatchObject({
      name: "v",
      copyUp: false,
      subpath: "x/y",
      volume: { driver: "local", driverOptions: { type: "tmpfs" }, labels: { a: "b" } },
    });
    expect(
      parseMount({ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1 << 20, Mode: 0o700 } }, there)
        .options,
    ).toEqual(["noexec", "nosuid", "nodev", "rprivate", "mode=700", "size=1048576"]);
    expect(parseMount({ Type: "image", Source: "busybox", Target: "/i" }, there)).toMatchObject({
      readOnly: true,
    });
  });

  test.each([
    [
      { Type: "bind", Source: "/a", Target: "/b", VolumeOptions: {} },
      "field VolumeOptions must not be specified",
    ],
    [{ Type: "bind", Source: "/a" }, "field Target must not be empty"],
    [{ Type: "bind", Target: "/b" }, "field Source must not be empty"],
    [{ Type: "bind", Source: "a", Target: "/b" }, "mount path must be absolute"],
    [
      { Type: "bind", Source: "/a", Target: "/b", BindOptions: { Propagation: "x" } },
      "invalid propagation mode: x",
    ],
    [{ Type: "tmpfs", Source: "/a", Target: "/b" }, "field Source must not be specified"],
    [
      { Type: "volume", Target: "/b", VolumeOptions: { Subpath: "x" } },
      "must not set Subpath when using anonymous",
    ],
    [
      { Type: "volume", Source: "v", Target: "/b", VolumeOptions: { Subpath: "../x" } },
      "subpath must be a relative",
    ],
    [
      { Type: "npipe", Source: "v", Target: "/b" },
      'invalid mount config for type "npipe": mount type unknown',
    ],
    [{ Type: "tmpfs", Target: "/b", TmpfsOptions: { Options: [["suid"]] } }, "invalid option: suid"],
  ])("%j is refused", (mount, message) => {
    expect(() => parseMount(mount, there)).toThrow(message);
  });

  test("paths that stay inside", () => {
    expect(["a", "a/../b", "./a", "..a"].map(isLocalPath)).toEqual([true, true, true, true]);
    expect(["", "/a", "..", "a/../../b", "a\0b"].map(isLocalPath)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("--tmpfs", () => {
  test("later words win over the defaults", () => {
    expect(mergeTmpfsOptions(["exec", "size=1g", "size=2g"])).toEqual([
      "nosuid",
      "nodev",
      "rprivate",
      "exec",
      "size=2g",
    ]);
    expect(parseTmpfs("/t/", "ro")).toMatchObject({ destination: "/t", readOnly: true });
  });

  test("what is no option of tmpfs is refused", () => {
    expect(() => parseTmpfs("/t", "lowerdir=/etc")).toThrow('invalid tmpfs option "lowerdir=/etc"');
    expect(() => parseTmpfs("/t", "bind")).toThrow("invalid tmpfs option");
    expect(() => parseTmpfs("/", "")).toThrow("destination can't be '/'");
  });
});

describe("all together", () => {
  test("--volumes-from is the weakest, the image fills what is left", () => {
    const donor = recordFor({
      mounts: [
        parseBind("/host:/a", undefined),
        { ...parseBind("shared:/b", undefined), source: "/volumes/shared", name: "shared" },
        parseTmpfs("/scratch", ""),
      ],
    });
    const plan = planMounts(
      { Volumes: { "/a": {}, "/c": {} } },
      { VolumesFrom: ["donor:ro"], Binds: ["/mine:/a"] },
      { ...nothingThere, container: () => donor },
    );
    expect(plan.map((mount) => [mount.destination, mount.origin, mount.readOnly])).toEqual([
      ["/a", "bind", false],
      ["/b", "volumes-from", true],
      ["/c", "image-volume", false],
    ]);
  });

  test("one place, two wishes", () => {
    const message = "Duplicate mount point: /x";
    expect(() => planMounts({}, { Binds: ["/a:/x", "/b:/x/"] }, nothingThere)).toThrow(message);
    expect(() => planMounts({}, { Binds: ["/a:/x"], Tmpfs: { "/x": "" } }, nothingThere)).toThrow(message);
    expect(() =>
      planMounts({}, { Binds: ["/a:/x"], Mounts: [{ Type: "tmpfs", Target: "/x" }] }, nothingThere),
    ).toThrow(message);
  });

  test("an image's volume cannot leave the root or hide the kernel's file systems", () => {
    expect(planMounts({ Volumes: { "/../../etc": {} } }, {}, nothingThere)[0]).toMatchObject({
      destination: "/etc",
    });
    expect(planMounts({ Volumes: { data: {} } }, {}, nothingThere)[0]).toMatchObject({
      destination: "/data",
    });
    for (const hostile of ["/", "..", "/proc", "/sys/fs", "/x/../proc/self"]) {
      expect(() => planMounts({ Volumes: { [hostile]: {} } }, {}, nothingThere)).toThrow(
        "invalid volume specification",
      );
    }
  });

  test("--volumes-from modes", () => {
    expect(parseVolumesFrom("db")).toEqual({ container: "db", readOnly: false });
    expect(parseVolumesFrom("db:ro,z")).toEqual({ container: "db", readOnly: true });
    expect(() => parseVolumesFrom("db:rshared")).toThrow("invalid mode: rshared");
    expect(() => parseVolumesFrom("db:nocopy")).toThrow("invalid mode: nocopy");
    expect(() => parseVolumesFrom("")).toThrow("cannot be an empty string");
  });
});
