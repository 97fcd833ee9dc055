import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mountsBelow } from "../linux/index.ts";
import type { Runtime, SpecMount } from "./contract.ts";
import { assembleNestedMounts } from "./nested-mounts.ts";
import { buildSpec } from "./spec/build.ts";
import { PATIENCE_MS, printed, RuntimeFixture } from "./testing/fixture.ts";
import { specInput } from "./testing/spec-input.ts";

setDefaultTimeout(PATIENCE_MS);
let fixture: RuntimeFixture;
let runtime: Runtime;
beforeAll(async () => {
  fixture = new RuntimeFixture();
  runtime = await fixture.runtimes.get(undefined);
});
afterAll(() => fixture[Symbol.asyncDispose]());

function source(name: string, files: Record<string, string>): string {
  const path = join(fixture.directory, name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

const bind = (from: string, destination: string, ...options: string[]): SpecMount => ({
  source: from,
  destination,
  type: "bind",
  options: ["rbind", "rprivate", ...options],
});

async function printedBy(script: string, mounts: SpecMount[]): Promise<string> {
  const { id, bundle } = await fixture.run(["sh", "-c", `exec 2>&1; ${script}`], { mounts });
  while (!existsSync(join(fixture.execRoot, "exits", id))) await Bun.sleep(5);
  await runtime.delete(id);
  return printed(bundle);
}

describe("mounts in mounts", () => {
  let [outer, inner, etc, hosts] = ["", "", "", ""];
  beforeAll(() => {
    outer = source("outer", { "of-outer": "outer" });
    inner = source("inner", { "of-inner": "inner" });
    etc = source("etc", { passwd: "x:x:1:1::/:\n" });
    hosts = join(source("files", { hosts: "127.0.0.1 localhost\n" }), "hosts");
  });

  test("lie as if the runtime had mounted them one after the other", async () => {
    const text = await printedBy(
      `cat /v/of-outer /v/deep/er/of-inner /v/ro/of-inner /v/deep/er/file; echo; touch /v/a /v/deep/er/b /v/t/c;
       touch /v/ro/d; mount | grep ' /v/t '; cat /etc/passwd /etc/hosts; ls /v/deep`,
      [
        bind(outer, "/v"),
        bind(inner, "/v/deep/er", "rw"),
        bind(hosts, "/v/deep/er/file", "ro"),
        bind(inner, "/v/ro", "ro"),
        { destination: "/v/t", type: "tmpfs", options: ["nosuid", "noexec", "size=64k", "rprivate"] },
        bind(etc, "/etc"),
        bind(hosts, "/etc/hosts", "ro"),
      ],
    );
    expect(text).toStartWith("outerinnerinner127.0.0.1 localhost\n");
    expect(text).toContain("touch: /v/ro/d: Read-only file system");
    expect(text).toMatch(/tmpfs on \/v\/t type tmpfs \(rw,nosuid,noexec,relatime,size=64k\)/);
    expect(text).toContain("x:x:1:1::/:\n127.0.0.1 localhost\ner\n");
    expect(existsSync(join(outer, "a"))).toBe(true);
    expect(existsSync(join(inner, "b"))).toBe(true);
    // Mount points stay where they had to be made, what was mounted there does not.
    expect(existsSync(join(outer, "deep/er"))).toBe(true);
    expect(existsSync(join(outer, "deep/er/of-inner"))).toBe(false);
  });

  test("a read-only outer mount has writable inner ones", async () => {
    mkdirSync(join(outer, "w"), { recursive: true });
    const text = await printedBy("touch /v/x; touch /v/w/y && echo yes", [
      bind(outer, "/v", "rro"),
      bind(inner, "/v/w"),
    ]);
    expect(text).toContain("touch: /v/x: Read-only file system\nyes\n");
  });

  test("leave nothing mounted on the host", async () => {
    expect(mountsBelow(fixture.directory)).toEqual([]);
  });

  test("are left to the runtime where it alone knows their options", () => {
    const mounts = [bind(outer, "/v", "rshared"), bind(inner, "/v/x")];
    const spec = buildSpec(specInput({ mounts: mounts.map((each) => ({ ...each })) }));
    using assembled = assembleNestedMounts(spec, join(fixture.directory, "places"));
    expect(assembled.spec).toBe(spec);
    expect(existsSync(join(fixture.directory, "places"))).toBe(false);
  });

  test("that cannot be had are undone", () => {
    const spec = buildSpec(specInput({ mounts: [bind(outer, "/v"), bind("/no/such", "/v/x")] }));
    expect(() => assembleNestedMounts(spec, join(fixture.directory, "places"))).toThrow();
    expect(mountsBelow(fixture.directory)).toEqual([]);
  });
});
