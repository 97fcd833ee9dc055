import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive } from "../linux/index.ts";
import type { Runtime } from "./contract.ts";
import { monitorOf } from "./monitor.ts";
import { findProgram } from "./programs.ts";
import { openRuntimes } from "./runtimes.ts";
import { collect, PATIENCE_MS, RuntimeFixture } from "./testing/fixture.ts";

let programs: string;
const runc = findProgram("runc") ?? "";

/** A program that says what it is as a runtime does, and otherwise does this. */
function program(name: string, version: string, script: string): string {
  const path = join(programs, name);
  writeFileSync(path, `#!/bin/sh\ncase " $* " in *" --version "*) ${version} ;; *) ${script} ;; esac\n`);
  chmodSync(path, 0o755);
  return path;
}

setDefaultTimeout(PATIENCE_MS);
let other: string;
let hanging: string;
let fixture: RuntimeFixture;
beforeAll(() => {
  programs = mkdtempSync(join(tmpdir(), "berth-programs-"));
  other = program("other", "echo other version 3.4.5", `exec ${runc} "$@"`);
  // Hangs in `create` only: its death must still be possible.
  hanging = program(
    "hanging",
    "echo runc version 1.1.5+x",
    'case " $* " in *" create "*) exec sleep 1000 ;; esac',
  );
  fixture = new RuntimeFixture({
    configured: {
      mine: { path: other, runtimeArgs: ["--debug"] },
      hanging: { path: hanging },
      gone: { path: "/no/such/program" },
    },
  });
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  rmSync(programs, { recursive: true, force: true });
});

describe("names", () => {
  test("crun, which is faster, is the default; it and runc are known to `info` with their paths", async () => {
    expect((await fixture.runtimes.get(undefined)).name).toBe("crun");
    expect((await fixture.runtimes.get("")).version).toMatch(/^\d+\.\d+/);
    expect(fixture.runtimes.names()).toContainEqual({ name: "crun", path: findProgram("crun")! });
    expect(fixture.runtimes.names()).toContainEqual({ name: "runc", path: runc });
    expect(fixture.runtimes.names().map(({ name }) => name)).not.toContain("gone");
  });

  test("configured ones come with their path and version", async () => {
    const runtime = await fixture.runtimes.get("mine");
    expect([runtime.path, runtime.version]).toEqual([other, "3.4.5"]);
    expect(await fixture.runtimes.get("mine")).toBe(runtime);
  });

  test("an absolute path is one", async () => {
    expect((await fixture.runtimes.get(other)).version).toBe("3.4.5");
  });

  test.each(["nosuch", "gone", "/no/such", "../runc", "sh", "/bin/true", "/etc/passwd"])(
    "%p is refused",
    async (name) => {
      expect(fixture.runtimes.get(name)).rejects.toThrow(`unknown or invalid runtime name: ${name}`);
    },
  );
});

describe("a runtime that is not runc", () => {
  test("is driven by its commands alone", async () => {
    const runtime: Runtime = await fixture.runtimes.get("mine");
    const request = fixture.request(["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.01; done"]);
    const created = await runtime.create(request);
    expect(isAlive(created.pid, created.startTime)).toBe(true);
    await runtime.start(request.id);
    const process = await runtime.exec(request.id, fixture.execRequest(["echo", "hello"]));
    expect((await collect(process.output)).stdout).toBe("hello\n");
    await runtime.pause(request.id);
    expect(fixture.cgroups.isFrozen(request.spec.linux.cgroupsPath)).toBe(true);
    await runtime.resume(request.id);
    expect(fixture.cgroups.isFrozen(request.spec.linux.cgroupsPath)).toBe(false);
    await runtime.update(request.id, { PidsLimit: 50 });
    expect(runtime.delete(request.id)).rejects.toThrow(/not stopped/);
    await runtime.kill(request.id, 9);
    await until(() => existsSync(join(fixture.execRoot, "exits", request.id)));
    await runtime.kill(request.id, 9);
    await runtime.delete(request.id);
    await runtime.delete(request.id);
    expect(readdirSync(join(fixture.execRoot, "runtime"))).not.toContain(request.id);
    expect(runtime.kill(request.id, 9)).rejects.toThrow(`No such container: ${request.id}`);
  });

  test("tells why it failed", async () => {
    const runtime = await fixture.runtimes.get("mine");
    expect(runtime.create(fixture.request(["nosuch"]))).rejects.toThrow(
      'exec: "nosuch": executable file not found',
    );
    expect(runtime.start("nosuch")).rejects.toThrow("OCI runtime start failed");
  });
});

describe("a runtime that hangs", () => {
  test("is given up when the caller does", async () => {
    const runtime = await fixture.runtimes.get("hanging");
    const controller = new AbortController();
    const request = fixture.request(["true"], { create: { signal: controller.signal } });
    const creation = runtime.create(request);
    await until(() => monitorOf(request.bundle, request.id) !== undefined);
    const monitor = monitorOf(request.bundle, request.id);
    controller.abort(new Error("too long"));
    expect(creation).rejects.toThrow("too long");
    await creation.catch(() => {});
    await until(() => !isAlive(monitor?.pid ?? 0, monitor?.startTime));
    expect(readdirSync(request.bundle).sort()).toEqual(["config.json", "output.log"]);
  });

  test("is ended by a forced delete, also of a daemon that knows nothing of it", async () => {
    const runtime = await fixture.runtimes.get("hanging");
    const request = fixture.request(["true"]);
    const creation = runtime.create(request);
    creation.catch(() => {});
    await until(() => monitorOf(request.bundle, request.id) !== undefined);
    const monitor = monitorOf(request.bundle, request.id);
    const { execRoot, cgroupParent, cgroups, facts } = fixture;
    const again = openRuntimes({
      execRoot,
      cgroupParent,
      cgroups,
      facts,
      configured: { hanging: { path: hanging } },
    });
    const later = await again.get("hanging");
    await later.delete(request.id, { force: true });
    await until(() => !isAlive(monitor?.pid ?? 0, monitor?.startTime));
    expect(creation).rejects.toThrow();
    await creation.catch(() => {});
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    if (holds()) return;
    await Bun.sleep(10);
  }
  throw new Error("waited too long");
}
