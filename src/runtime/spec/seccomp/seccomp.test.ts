import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CAPABILITIES } from "../../../linux/index.ts";
import { serializeSpec } from "../build.ts";
import { DEFAULT_CAPABILITIES } from "../capabilities.ts";
import type { OciSeccomp, OciSpec } from "../oci.ts";
import { compileSeccomp, type SeccompSubject, seccompFilter } from "./compile.ts";
import { DEFAULT_SECCOMP_PROFILE } from "./default-profile.ts";
import { parseSeccompProfile } from "./profile.ts";

const X86: SeccompSubject = { machine: "x86_64", kernelVersion: [6, 1], capabilities: DEFAULT_CAPABILITIES };

/** One line for each call and rule, so that neither order nor grouping counts. */
function rulesOf(filter: OciSeccomp | undefined): string[] {
  const lines = (filter?.syscalls ?? []).flatMap((rule) =>
    rule.names.map((name) => JSON.stringify([name, rule.action, rule.errnoRet ?? null, rule.args ?? []])),
  );
  return [...new Set(lines)].sort();
}

const REFERENCE = join(import.meta.dir, "../../../../../shared/reference/seccomp-default.json");

describe("the default profile", () => {
  const subjects: SeccompSubject[] = [
    "x86_64",
    "aarch64",
    "s390x",
    "riscv64",
    "ppc64le",
    "loongarch64",
    "armv7l",
  ].flatMap((machine) =>
    [
      DEFAULT_CAPABILITIES,
      CAPABILITIES,
      [],
      ["CAP_SYS_ADMIN"],
      ["CAP_SYSLOG", "CAP_BPF", "CAP_PERFMON"],
    ].flatMap((capabilities) =>
      [
        [6, 1],
        [4, 7],
      ].map(([major = 0, minor = 0]) => ({
        machine,
        capabilities,
        kernelVersion: [major, minor] as const,
      })),
    ),
  );

  test.skipIf(!existsSync(REFERENCE))(
    "allows exactly what Docker's does, on every machine and with any rights",
    () => {
      const reference = parseSeccompProfile(readFileSync(REFERENCE, "utf8"));
      for (const subject of subjects) {
        const own = compileSeccomp(DEFAULT_SECCOMP_PROFILE, subject);
        const docker = compileSeccomp(reference, subject);
        expect(rulesOf(own)).toEqual(rulesOf(docker));
        expect(own?.architectures).toEqual(docker?.architectures);
        expect([own?.defaultAction, own?.defaultErrnoRet]).toEqual([
          docker?.defaultAction,
          docker?.defaultErrnoRet,
        ]);
      }
    },
  );

  const names = (subject: SeccompSubject) =>
    new Set(compileSeccomp(DEFAULT_SECCOMP_PROFILE, subject)?.syscalls.flatMap((rule) => rule.names));

  test("has no way around it", () => {
    for (const name of [
      "io_uring_setup",
      "io_uring_enter",
      "keyctl",
      "userfaultfd",
      "kexec_load",
      "mount",
      "bpf",
    ]) {
      expect(names(X86)).not.toContain(name);
    }
  });

  test("refuses the socket families of the kernel's cryptography and of the hypervisor", () => {
    const rules = rulesOf(compileSeccomp(DEFAULT_SECCOMP_PROFILE, X86)).filter((rule) =>
      rule.startsWith('["socket"'),
    );
    expect(rules.length).toBe(3);
    const allowed = (family: number) => [family < 38, family === 39, family > 40].some(Boolean);
    expect([2, 10, 16, 38, 39, 40, 41].map(allowed)).toEqual([true, true, true, false, true, false, true]);
  });

  test("says that clone3 does not exist, unless namespaces may be made", () => {
    const rule = (capabilities: readonly string[]) =>
      compileSeccomp(DEFAULT_SECCOMP_PROFILE, { ...X86, capabilities })?.syscalls.find((each) =>
        each.names.includes("clone3"),
      );
    expect(rule(DEFAULT_CAPABILITIES)).toEqual({ names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 });
    expect(rule(["CAP_SYS_ADMIN"])?.action).toBe("SCMP_ACT_ALLOW");
  });

  test("lets nobody trace on kernels where tracing escapes", () => {
    expect(names({ ...X86, kernelVersion: [4, 7] })).not.toContain("ptrace");
    expect(names(X86)).toContain("ptrace");
  });

  test("leaves out architectures that the kernel does not run", () => {
    const unusableArchitectures = new Set(["SCMP_ARCH_X32", "SCMP_ARCH_X86_64"]);
    const filter = compileSeccomp(DEFAULT_SECCOMP_PROFILE, { ...X86, unusableArchitectures });
    expect(filter?.architectures).toEqual(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
    const own = parseSeccompProfile('{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X32"]}');
    expect(compileSeccomp(own, { ...X86, unusableArchitectures })?.architectures).toEqual(["SCMP_ARCH_X32"]);
  });

  test("is compiled once for the same rights", () => {
    expect(seccompFilter(undefined, X86)).toBe(seccompFilter(undefined, { ...X86 }) as OciSeccomp);
    expect(seccompFilter(undefined, X86)).not.toBe(
      seccompFilter(undefined, { ...X86, capabilities: [] }) as OciSeccomp,
    );
  });
});

describe("a profile of one's own", () => {
  const compile = (profile: object, subject = X86) =>
    compileSeccomp(parseSeccompProfile(JSON.stringify(profile)), subject);

  test("keeps what OCI has, and loses Docker's conditions", () => {
    expect(
      compile({
        defaultAction: "SCMP_ACT_LOG",
        architectures: ["SCMP_ARCH_X86_64"],
        flags: ["SECCOMP_FILTER_FLAG_LOG"],
        syscalls: [
          {
            name: "read",
            action: "SCMP_ACT_ALLOW",
            comment: "x",
            includes: {},
            excludes: { caps: ["CAP_BPF"] },
          },
          { names: ["write"], action: "SCMP_ACT_ALLOW", excludes: { caps: ["CAP_CHOWN"] } },
          { names: ["open"], action: "SCMP_ACT_ALLOW", includes: { minKernel: "6.2" } },
          { names: ["close"], action: "SCMP_ACT_ALLOW", includes: { arches: ["arm64"] } },
        ],
      }),
    ).toEqual({
      defaultAction: "SCMP_ACT_LOG",
      architectures: ["SCMP_ARCH_X86_64"],
      flags: ["SECCOMP_FILTER_FLAG_LOG"],
      syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW" }],
    });
  });

  test("that is empty confines nothing", () => {
    expect(compile({})).toBeUndefined();
  });

  test("keeps 64-bit arguments whole", () => {
    const text =
      '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["x"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":18446744073709551614,"valueTwo":9007199254740993,"op":"SCMP_CMP_EQ"}]}]}';
    const seccomp = compileSeccomp(parseSeccompProfile(text), X86);
    const written = serializeSpec({ linux: { seccomp } } as unknown as OciSpec);
    expect(written).toContain('"value":18446744073709551614,');
    expect(written).toContain('"valueTwo":9007199254740993');
  });

  test.each([
    ["{", "Decoding seccomp profile failed"],
    ["[]", "profile is not an object"],
    ['{"syscalls":7}', "syscalls is not a list"],
    ['{"syscalls":[{"name":"a","names":["b"]}]}', "both 'name' and 'names' are specified"],
    [
      '{"architectures":["a"],"archMap":[{"architecture":"b"}]}',
      "both 'architectures' and 'archMap' are specified",
    ],
    ['{"syscalls":[{"names":["a"],"args":[{"index":-1}]}]}', "index is not an unsigned number"],
    ['{"syscalls":[{"names":["a"],"includes":{"minKernel":"x"}}]}', "invalid kernel version"],
    [`{"defaultAction":"${"x".repeat(1 << 20)}"}`, "larger than 1 MiB"],
  ])("%.40s is refused", (text, message) => {
    expect(() => parseSeccompProfile(text)).toThrow(message);
  });
});
