import { describe, expect, test } from "bun:test";
import { type Libseccomp, openLibseccomp } from "../../../linux/index.ts";
import { seccompVerdict } from "../../testing/seccomp-verdict.ts";
import { DEFAULT_CAPABILITIES } from "../capabilities.ts";
import type { OciSeccomp } from "../oci.ts";
import { compileSeccomp, type SeccompSubject, seccompFilter } from "./compile.ts";
import { DEFAULT_SECCOMP_PROFILE } from "./default-profile.ts";
import { seccompProgram } from "./program.ts";

const AUDIT = { x86: 0x4000_0003, x86_64: 0xc000_003e, aarch64: 0xc000_00b7 } as const;
const X32 = 0x4000_0000;
const ALLOW = 0x7fff_0000;
const KILL = 0;
const errno = (number: number) => 0x0005_0000 | number;
const [EPERM, ENOSYS] = [errno(1), errno(38)];

const library = openLibseccomp() as Libseccomp;

/** The verdict on a call by its name; numbers are x86_64's unless another architecture is given. */
function judge(filter: OciSeccomp) {
  const program = seccompProgram(filter);
  if (program === undefined) throw new Error("no program");
  return (name: string | number, args: (number | bigint)[] = [], on: keyof typeof AUDIT = "x86_64") => {
    const number = typeof name === "number" ? name : library.systemCallNumber(name, AUDIT[on]);
    if (number === undefined || (typeof name === "string" && number < 0)) throw new Error(name as string);
    return seccompVerdict(program, { number, architecture: AUDIT[on], arguments: args });
  };
}

describe.skipIf(process.arch !== "x64")("the default profile's program on x86_64", () => {
  const subject: SeccompSubject = {
    machine: "x86_64",
    kernelVersion: [6, 1],
    capabilities: DEFAULT_CAPABILITIES,
  };
  const filterFor = (over: Partial<SeccompSubject> = {}) =>
    compileSeccomp(DEFAULT_SECCOMP_PROFILE, { ...subject, ...over }) as OciSeccomp;
  const verdict = judge(filterFor());

  test("lets ordinary calls through and refuses the machine's", () => {
    for (const name of ["read", "openat", "execve", "futex", "ptrace"]) expect(verdict(name)).toBe(ALLOW);
    for (const name of ["mount", "bpf", "keyctl", "init_module", "setns", "add_key"])
      expect(verdict(name)).toBe(EPERM);
    const mighty = judge(filterFor({ capabilities: ["CAP_SYS_ADMIN"] }));
    for (const name of ["mount", "bpf", "setns", "clone3"]) expect(mighty(name)).toBe(ALLOW);
    expect(mighty("init_module")).toBe(EPERM);
  });

  test("lets processes be made, but no namespaces", () => {
    const [SIGCHLD, CLONE_VM, CLONE_NEWUSER, CLONE_NEWNS] = [17, 0x100, 0x1000_0000, 0x2_0000];
    expect(verdict("clone", [SIGCHLD])).toBe(ALLOW);
    expect(verdict("clone", [CLONE_VM | SIGCHLD])).toBe(ALLOW);
    expect(verdict("clone", [CLONE_NEWUSER | SIGCHLD])).toBe(EPERM);
    expect(verdict("clone", [CLONE_NEWNS])).toBe(EPERM);
    expect(verdict("clone", [(1n << 32n) | BigInt(SIGCHLD)])).toBe(ALLOW);
    expect(verdict("clone3")).toBe(ENOSYS);
    expect(judge(filterFor({ capabilities: ["CAP_SYS_ADMIN"] }))("clone", [CLONE_NEWUSER])).toBe(ALLOW);
  });

  test("refuses sockets of two families, and personalities beyond five", () => {
    const [AF_UNIX, AF_ALG, AF_NFC, AF_VSOCK, AF_KCM] = [1, 38, 39, 40, 41];
    for (const family of [AF_UNIX, AF_NFC, AF_KCM, 1n << 32n])
      expect(verdict("socket", [family])).toBe(ALLOW);
    for (const family of [AF_ALG, AF_VSOCK]) expect(verdict("socket", [family])).toBe(EPERM);
    for (const value of [0, 8, 0x20000, 0x20008, 0xffff_ffff]) {
      expect(verdict("personality", [value])).toBe(ALLOW);
    }
    for (const value of [1, 0x4_0000, 0x20009, 1n << 32n])
      expect(verdict("personality", [value])).toBe(EPERM);
  });

  test("says of newer calls than any it names that they do not exist", () => {
    const names = filterFor().syscalls.flatMap((rule) => rule.names);
    for (const on of ["x86_64", "x86"] as const) {
      const newest = Math.max(...names.map((name) => library.systemCallNumber(name, AUDIT[on]) ?? 0));
      expect(verdict(newest, [], on)).toBe(ALLOW);
      expect(verdict(newest + 1, [], on)).toBe(ENOSYS);
      expect(verdict(100_000, [], on)).toBe(ENOSYS);
    }
  });

  test("knows the numbers of the other architectures", () => {
    expect(verdict("read", [], "x86")).toBe(ALLOW);
    expect(verdict("socketcall", [1], "x86")).toBe(ALLOW);
    expect(verdict("mount", [], "x86")).toBe(EPERM);
    expect(verdict("clone", [0x1000_0000], "x86")).toBe(EPERM);
    expect(verdict("read", [], "aarch64")).toBe(KILL);
    const read = library.systemCallNumber("read", AUDIT.x86_64) as number;
    const mount = library.systemCallNumber("mount", AUDIT.x86_64) as number;
    expect(verdict(X32 + read)).toBe(ALLOW);
    expect(verdict(X32 + mount)).toBe(EPERM);
    expect(verdict(X32 + 5000)).toBe(ENOSYS);
    const without = new Set(["SCMP_ARCH_X32", "SCMP_ARCH_X86"]);
    const narrow = judge(filterFor({ unusableArchitectures: without }));
    expect(narrow(read)).toBe(ALLOW);
    expect(narrow(X32 + read)).toBe(KILL);
    expect(narrow("read", [], "x86")).toBe(KILL);
  });

  test("is the same for the same object, and fits the kernel", () => {
    const filter = seccompFilter(undefined, subject) as OciSeccomp;
    expect(seccompProgram(filter)).toBe(seccompProgram(filter) as Uint8Array);
    expect(seccompProgram(filter)?.length).toBeLessThan(4096 * 8);
  });
});

describe.skipIf(process.arch !== "x64")("a profile of one's own", () => {
  const filter = (over: Partial<OciSeccomp>): OciSeccomp => ({
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW" }],
    ...over,
  });
  const rule = (name: string, action: string, over: object = {}) => ({ names: [name], action, ...over });

  test("has each action, with its number", () => {
    const verdict = judge(
      filter({
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [
          rule("read", "SCMP_ACT_ERRNO"),
          rule("write", "SCMP_ACT_ERRNO", { errnoRet: 13 }),
          rule("open", "SCMP_ACT_ERRNO", { errnoRet: 0x1_0005 }),
          rule("close", "SCMP_ACT_KILL", { errnoRet: 5 }),
          rule("stat", "SCMP_ACT_KILL_THREAD"),
          rule("fstat", "SCMP_ACT_KILL_PROCESS"),
          rule("lstat", "SCMP_ACT_TRAP"),
          rule("poll", "SCMP_ACT_TRACE", { errnoRet: 7 }),
          rule("lseek", "SCMP_ACT_LOG"),
          rule("no_such_call", "SCMP_ACT_KILL"),
        ],
      }),
    );
    const names = ["read", "write", "open", "close", "stat", "fstat", "lstat", "poll", "lseek", "mmap"];
    expect(names.map((name) => verdict(name))).toEqual([
      EPERM,
      errno(13),
      errno(5),
      KILL,
      KILL,
      0x8000_0000,
      0x0003_0000,
      0x7ff0_0007,
      0x7ffc_0000,
      ALLOW,
    ]);
    expect(verdict(100_000)).toBe(ALLOW);
  });

  test("has each comparison, on all 64 bits", () => {
    const large = 0x1_0000_0005n;
    const allowed = (op: string, valueTwo?: bigint) => {
      const args = [{ index: 2, value: large, op, ...(valueTwo === undefined ? {} : { valueTwo }) }];
      const verdict = judge(filter({ syscalls: [rule("read", "SCMP_ACT_ALLOW", { args })] }));
      return [5n, large - 1n, large, large + 1n, 1n << 63n].filter(
        (value) => verdict("read", [0, 0, value]) === ALLOW,
      );
    };
    expect(allowed("SCMP_CMP_EQ")).toEqual([large]);
    expect(allowed("SCMP_CMP_NE")).toEqual([5n, large - 1n, large + 1n, 1n << 63n]);
    expect(allowed("SCMP_CMP_LT")).toEqual([5n, large - 1n]);
    expect(allowed("SCMP_CMP_LE")).toEqual([5n, large - 1n, large]);
    expect(allowed("SCMP_CMP_GT")).toEqual([large + 1n, 1n << 63n]);
    expect(allowed("SCMP_CMP_GE")).toEqual([large, large + 1n, 1n << 63n]);
    expect(allowed("SCMP_CMP_MASKED_EQ", 5n)).toEqual([5n]);
    expect(allowed("SCMP_CMP_MASKED_EQ")).toEqual([1n << 63n]);
  });

  test("of two conditions on one argument, one is enough", () => {
    const args = [3, 9].map((value) => ({ index: 1, value, op: "SCMP_CMP_EQ" }));
    const verdict = judge(filter({ syscalls: [rule("read", "SCMP_ACT_ALLOW", { args })] }));
    expect([3, 4, 9].map((value) => verdict("read", [0, value]))).toEqual([ALLOW, EPERM, ALLOW]);
  });

  test("leaves out rules that change nothing, though they count for what is new", () => {
    const verdict = judge(
      filter({
        defaultErrnoRet: 13,
        syscalls: [
          rule("read", "SCMP_ACT_ERRNO", { errnoRet: 13 }),
          rule("openat2", "SCMP_ACT_ERRNO", { errnoRet: 13 }),
        ],
      }),
    );
    const openat2 = 437;
    expect([0, openat2, openat2 + 1].map((number) => verdict(number))).toEqual([
      errno(13),
      errno(13),
      ENOSYS,
    ]);
    expect(judge(filter({ syscalls: [] }))(500)).toBe(EPERM);
    expect(judge(filter({ defaultErrnoRet: 38 }))(500)).toBe(ENOSYS);
    const killing = judge(
      filter({
        defaultAction: "SCMP_ACT_KILL",
        defaultErrnoRet: 38,
        syscalls: [rule("open", "SCMP_ACT_ALLOW")],
      }),
    );
    expect([killing("read"), killing("open"), killing(500)]).toEqual([KILL, ALLOW, ENOSYS]);
    for (const defaultAction of ["SCMP_ACT_LOG", "SCMP_ACT_TRACE"])
      expect(judge(filter({ defaultAction }))(500)).not.toBe(ENOSYS);
  });

  const condition = { index: 0, value: 1, op: "SCMP_CMP_GT" };
  const many = (count: number, over: (index: number) => object = () => ({})) =>
    Array.from({ length: count }, (_, index) => rule("read", "SCMP_ACT_ALLOW", over(index)));
  test.each<[string, Partial<OciSeccomp>]>([
    ["an action that asks a listener", { syscalls: [rule("read", "SCMP_ACT_NOTIFY")] }],
    ["a listener", { listenerPath: "/run/x" }],
    ["an unknown action", { defaultAction: "SCMP_ACT_WHATEVER" }],
    ["no action", { defaultAction: "" }],
    ["a word of JavaScript's for an action", { defaultAction: "constructor" }],
    ["an unknown architecture", { architectures: ["SCMP_ARCH_Z80"] }],
    ["a foreign architecture", { architectures: ["SCMP_ARCH_S390X"] }],
    ["an unknown flag", { flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] }],
    ["an unknown comparison", { syscalls: many(1, () => ({ args: [{ ...condition, op: "x" }] })) }],
    ["a seventh argument", { syscalls: many(1, () => ({ args: [{ ...condition, index: 6 }] })) }],
    ["a system call without a name", { syscalls: [rule("", "SCMP_ACT_ALLOW")] }],
    ["a name with a NUL byte", { syscalls: [rule("read\0", "SCMP_ACT_ALLOW")] }],
    [
      "conditions on two arguments",
      { syscalls: many(1, () => ({ args: [condition, { ...condition, index: 1 }] })) },
    ],
    ["rules on two arguments", { syscalls: many(2, (index) => ({ args: [{ ...condition, index }] })) }],
    ["too many conditions", { syscalls: many(33, (value) => ({ args: [{ ...condition, value }] })) }],
    [
      "rules that contradict each other",
      {
        syscalls: [
          rule("read", "SCMP_ACT_KILL", { args: [condition] }),
          ...many(1, () => ({ args: [condition] })),
        ],
      },
    ],
    ["too many rules", { syscalls: many(601) }],
  ])("is left to the runtime with %s", (_, over) => {
    expect(seccompProgram(filter(over))).toBeUndefined();
  });

  test("may have flags, which are not the program's", () => {
    const flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"];
    expect(seccompProgram(filter({ flags }))).toEqual(seccompProgram(filter({})) as Uint8Array);
  });
});
