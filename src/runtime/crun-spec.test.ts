import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { forCrun } from "./crun-spec.ts";
import type { OciMount, OciSpec } from "./spec/oci.ts";
import { seccompFilter } from "./spec/seccomp/compile.ts";

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "berth-crun-spec-"));
  for (const name of ["proc", "dev", "run", "data"]) mkdirSync(join(root, name));
  symlinkSync("/run", join(root, "var-run"));
  symlinkSync("../../../nowhere/else", join(root, "dangling"));
  symlinkSync("/proc/self/attr", join(root, "trap"));
  symlinkSync("/data", join(root, "dev/pts"));
  writeFileSync(join(root, "file"), "");
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const bind = (source: string, destination: string, ...options: string[]): OciMount => ({
  type: "bind",
  source,
  destination,
  options: ["rbind", ...options],
});

function spec(over: {
  mounts?: OciMount[];
  annotations?: Record<string, string>;
  seccomp?: object;
}): OciSpec {
  const { mounts = [], annotations, seccomp } = over;
  return {
    root: { path: root, readonly: false },
    process: { args: ["true"] },
    mounts,
    ...(annotations === undefined ? {} : { annotations }),
    linux: { ...(seccomp === undefined ? {} : { seccomp }) },
  } as unknown as OciSpec;
}

const places = (...mounts: OciMount[]) => forCrun(spec({ mounts })).mounts.map((mount) => mount.destination);

describe("mounts", () => {
  test("lie where the image's links lead, within its root, whether something is there or not", () => {
    expect(places(bind("/tmp", "/var-run/x.sock"), bind("/tmp", "/dangling/new"))).toEqual([
      "/run/x.sock",
      "/nowhere/else/new",
    ]);
  });

  test("in other mounts are left to crun: the image's links are covered there", () => {
    const dev: OciMount = { type: "tmpfs", source: "tmpfs", destination: "/dev" };
    expect(places(dev, { type: "devpts", source: "devpts", destination: "/dev/pts" })).toEqual([
      "/dev",
      "/dev/pts",
    ]);
  });

  test.each(["/proc", "/proc/sys", "/trap", "/proc/self/attr"])("over %s are refused", (destination) => {
    expect(() => places(bind(root, destination))).toThrow(/cannot be mounted because it is/);
  });

  test("over what may be covered there are not", () => {
    expect(places(bind("/proc/meminfo", "/proc/meminfo"), bind("/proc", "/proc"))).toHaveLength(2);
  });

  test("read-only with all below them are so where they are directories", () => {
    const { mounts } = forCrun(
      spec({ mounts: [bind(join(root, "file"), "/f", "rro"), bind(root, "/d", "rro")] }),
    );
    expect(mounts.map((mount) => mount.options)).toEqual([
      ["rbind", "ro"],
      ["rbind", "rro"],
    ]);
  });
});

describe("the seccomp filter", () => {
  const subject = { machine: "x86_64", kernelVersion: [6, 1] as [number, number], capabilities: [] };

  test("comes compiled, and nobody else's in its place", () => {
    const annotations = { "run.oci.seccomp_bpf_data": "AAAA", other: "kept" };
    const adapted = forCrun(spec({ annotations, seccomp: seccompFilter(undefined, subject)! })).annotations!;
    expect(adapted["other"]).toBe("kept");
    // Instructions of eight bytes each.
    const program = Buffer.from(adapted["run.oci.seccomp_bpf_data"]!, "base64");
    expect(program.length).toBeGreaterThan(1000);
    expect(program.length % 8).toBe(0);
  });

  test("is none where there is none", () => {
    expect(forCrun(spec({})).annotations).toBeUndefined();
  });
});
