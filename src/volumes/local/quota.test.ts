import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Trash } from "../../store/index.ts";
import { LocalDriver } from "./local-driver.ts";
import { type ProjectQuotas, Quotas } from "./quota.ts";

/** A kernel that has quotas, in memory: directories' projects by their inode, limits by project. */
class FakeQuotas implements ProjectQuotas {
  readonly projects = new Map<bigint, number>();
  readonly limits = new Map<number, number>();
  readonly used = new Map<number, number>();
  failure: (Error & { code: string }) | undefined;
  enforces = true;

  enforced(): boolean {
    if (this.failure !== undefined) throw this.failure;
    return this.enforces;
  }
  projectOf(fd: number): number {
    return this.projects.get(this.#inode(fd)) ?? 0;
  }
  setProject(fd: number, project: number): void {
    this.projects.set(this.#inode(fd), project);
  }
  use(_fd: number, project: number) {
    const [usedBytes = 0, limitBytes = 0] = [this.used.get(project), this.limits.get(project)];
    return usedBytes + limitBytes === 0 ? undefined : { usedBytes, limitBytes };
  }
  limit(_fd: number, project: number, bytes: number): void {
    this.limits.set(project, bytes);
  }
  #inode(fd: number): bigint {
    return require("node:fs").statSync(`/proc/self/fd/${fd}`, { bigint: true }).ino;
  }
}

let directory: string;
let kernel: FakeQuotas;
let driver: LocalDriver;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-quota-"));
  kernel = new FakeQuotas();
  driver = new LocalDriver({
    root: join(directory, "volumes"),
    trash: Trash.open(join(directory, "trash")),
    quotas: new Quotas(kernel),
  });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const volume = (name: string, size: string) => ({ name, options: { size } });

describe("size", () => {
  test.each([
    ["10m", 10 << 20],
    ["1.5GiB", 1.5 * 2 ** 30],
    ["65536", 65536],
    ["2kb", 2048],
  ])("%s is %d bytes, for a project of the volume's own", async (size, bytes) => {
    await driver.create(volume("one", size));
    await driver.create(volume("two", size));
    expect([...kernel.limits.values()]).toEqual([bytes, bytes]);
    expect(new Set(kernel.projects.values()).size).toBe(2);
  });

  test("0 is none", async () => {
    await driver.create(volume("one", "0"));
    expect(kernel.limits.size).toBe(0);
  });

  test("a project that has files is somebody else's", async () => {
    for (let at = 0; at < 0xffff; at++) if (at !== 77) kernel.used.set(0x6265_0000 + at, 1);
    await driver.create(volume("one", "1m"));
    expect([...kernel.limits.keys()]).toEqual([0x6265_0000 + 77]);
    await expect(driver.create(volume("two", "1m"))).rejects.toThrow("all project numbers are taken");
    expect(existsSync(join(directory, "volumes/two"))).toBe(false);
  });

  test("goes with the volume", async () => {
    await driver.create(volume("one", "1m"));
    await driver.remove(volume("one", "1m"));
    expect([...kernel.limits.values()]).toEqual([0]);
  });

  test.each([
    ["ENOSYS", "this kernel has no quotas"],
    ["ESRCH", "project quotas are not switched on"],
    ["ENOTSUP", "this file system has no project quotas"],
    ["EPERM", "the daemon lacks CAP_SYS_ADMIN"],
  ])("is refused with what is missing: %s", async (code, reason) => {
    kernel.failure = Object.assign(new Error(code), { code });
    await expect(driver.create(volume("one", "1m"))).rejects.toThrow(
      `quota size requested but no quota support: ${reason}`,
    );
    expect(existsSync(join(directory, "volumes/one"))).toBe(false);
  });

  test("is refused where nobody enforces it", async () => {
    kernel.enforces = false;
    await expect(driver.create(volume("one", "1m"))).rejects.toThrow("mounted without project quotas");
  });
});

test("the kernel of this machine is asked, and its refusal is one of those that are known", () => {
  mkdirSync(join(directory, "here"));
  try {
    new Quotas().check(join(directory, "here"));
  } catch (error) {
    expect((error as Error).message).toMatch(
      /no quotas|not switched on|has no project quotas|CAP_SYS_ADMIN|without/,
    );
  }
});
