import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bindMount, openRoot, unmount } from "../linux/index.ts";
import { parseGroup, parsePasswd, resolveUser, resolveUserIn } from "./user.ts";

const PASSWD = `root:x:0:0:root:/root:/bin/sh
# a comment
daemon:x:1:1::/usr/sbin:
web:x:1000:1000:Web:/home/web:/bin/sh
second:x:1000:1001::/:
bad:x:zero:0::/:
wide:x:4294967296:0::/:
4711:x:0:0::/:
0815:x:0:0::/:
short:x
`;
const GROUP = `root:x:0:root
daemon:x:1:
disk:x:6:web,root
web:x:1000:
audio:x:29:web
99:x:0:
0099:x:0:
bad:x:-1:web
`;
const database = { passwd: () => parsePasswd(PASSWD), group: () => parseGroup(GROUP) };
const resolve = (text: string, groups: string[] = []) => {
  const { uid, gid, additionalGids } = resolveUserIn(database, text, groups);
  return [uid, gid, additionalGids];
};

describe("Docker's rules", () => {
  test.each([
    ["", [0, 0, [0, 6]]],
    ["root", [0, 0, [0, 6]]],
    ["0", [0, 0, [0, 6]]],
    ["web", [1000, 1000, [1000, 6, 29]]],
    ["1000", [1000, 1000, [1000, 6, 29]]],
    ["web:audio", [1000, 29, [29]]],
    ["web:", [1000, 1000, [1000, 6, 29]]],
    ["1000:5", [1000, 5, [5]]],
    ["web:1", [1000, 1, [1]]],
    ["12345", [12345, 0, [0]]],
    ["12345:web", [12345, 1000, [1000]]],
    ["2147483647", [2147483647, 0, [0]]],
    [":audio", [0, 29, [29]]],
  ] as const)("%p is %p", (text, expected) => {
    expect(resolve(text)).toEqual(expected as unknown as ReturnType<typeof resolve>);
  });

  test("--group-add takes names and numbers", () => {
    expect(resolve("daemon", ["audio", "77", "1"])).toEqual([1, 1, [1, 29, 77]]);
    expect(() => resolve("daemon", ["nosuch"])).toThrow(
      "Unable to find group nosuch: no matching entries in group file",
    );
  });

  test("the home is the entry's", () => {
    expect(resolveUserIn(database, "web").home).toBe("/home/web");
    expect(resolveUserIn(database, "5555").home).toBe("/");
  });

  test("names that are not there are refused in Docker's words", () => {
    expect(() => resolve("nosuch")).toThrow("unable to find user nosuch: no matching entries in passwd file");
    expect(() => resolve("web:nosuch")).toThrow(
      "unable to find group nosuch: no matching entries in group file",
    );
  });
});

describe("numbers that want to be root (CVE-2024-40635, CVE-2026-46680)", () => {
  test.each([
    "2147483648",
    "4294967296",
    "4294967295",
    "65536:4294967296",
    "18446744073709551616",
    "-1",
    "web:-1",
    "99999999999999999999999999",
  ])("%p is out of range", (text) => {
    expect(() => resolve(text)).toThrow("uids and gids must be in range 0-2147483647");
  });

  test.each(["007", "00", "0x0", "+0", " 0", "1e3", "٣"])("%p names nobody", (text) => {
    expect(() => resolve(text)).toThrow(`unable to find user ${text}: no matching entries in passwd file`);
  });

  test("an entry that calls itself by digits does not lend them its uid or gid", () => {
    expect(() => resolve("4711")).toThrow("unable to find user 4711");
    expect(() => resolve("web:99")).toThrow("unable to find group 99");
    expect(() => resolve("web", ["99"])).toThrow("unable to find group 99");
    expect(() => resolve("0815")).toThrow("unable to find user 0815: no matching entries in passwd file");
    expect(() => resolve("web:0099")).toThrow("unable to find group 0099");
    expect(() => resolve("web", ["0099"])).toThrow("Unable to find group 0099");
  });

  test("entries without proper numbers are none", () => {
    for (const name of ["bad", "wide", "short"]) expect(() => resolve(name)).toThrow("unable to find user");
  });
});

describe("a root file system", () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-user-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test("that has no data bases knows numbers only", () => {
    mkdirSync(join(directory, "empty"));
    using root = openRoot(join(directory, "empty"));
    expect(resolveUser(root, "1000:5").gid).toBe(5);
    expect(() => resolveUser(root, "web")).toThrow("unable to find user web");
  });

  test("is not left through a link", () => {
    mkdirSync(join(directory, "root/etc"), { recursive: true });
    writeFileSync(join(directory, "outside"), "web:x:0:0::/:\n");
    symlinkSync("../../outside", join(directory, "root/etc/passwd"));
    using root = openRoot(join(directory, "root"));
    expect(() => resolveUser(root, "web")).toThrow("unable to find user web");
  });

  test("whose passwd leads to what only the kernel and root know is not asked", () => {
    mkdirSync(join(directory, "kernel/etc"), { recursive: true });
    mkdirSync(join(directory, "kernel/proc"));
    bindMount("/proc", join(directory, "kernel/proc"));
    try {
      using root = openRoot(join(directory, "kernel"));
      for (const target of ["/proc/kmsg", "/proc/self/environ", "/proc/self/status", "/proc/sysvipc/shm"]) {
        rmSync(join(directory, "kernel/etc/passwd"), { force: true });
        symlinkSync(target, join(directory, "kernel/etc/passwd"));
        expect(() => resolveUser(root, "web")).toThrow("unable to find user web");
        expect(resolveUser(root, "1000").gid).toBe(0);
      }
    } finally {
      unmount(join(directory, "kernel/proc"), { lazy: true });
    }
  });

  test("whose passwd is too large is not read whole", () => {
    mkdirSync(join(directory, "huge/etc"), { recursive: true });
    writeFileSync(join(directory, "huge/etc/passwd"), "");
    truncateSync(join(directory, "huge/etc/passwd"), 2 ** 40);
    using root = openRoot(join(directory, "huge"));
    expect(() => resolveUser(root, "web")).toThrow("/etc/passwd is larger than 8388608 bytes");
  });

  test("whose passwd is a fifo does not hold the daemon up", () => {
    mkdirSync(join(directory, "fifo/etc"), { recursive: true });
    using root = openRoot(join(directory, "fifo"));
    root.mknod("/etc/passwd", "fifo", 0o644);
    expect(() => resolveUser(root, "web")).toThrow();
  });
});
