import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { findProgram } from "../../programs.ts";
import { PATIENCE_MS, RuntimeFixture } from "../../testing/fixture.ts";
import { type SystemCallData, seccompVerdict } from "../../testing/seccomp-verdict.ts";
import { DEFAULT_SECCOMP_PROFILE } from "./default-profile.ts";
import { seccompProgram } from "./program.ts";

const fixture = new RuntimeFixture({ default: "runc" });
afterAll(() => fixture[Symbol.asyncDispose]());

const LOADED_FILTER = join(import.meta.dir, "../../../linux/fixtures/loaded-filter.ts");

/** The program that a process runs under; undefined where the kernel tells it to nobody. */
function loadedProgram(pid: number): Uint8Array | undefined {
  const { exitCode, stdout } = Bun.spawnSync([process.execPath, LOADED_FILTER, String(pid)]);
  return exitCode === 0 ? Buffer.from(stdout.toString(), "base64") : undefined;
}

const range = (count: number, from = 0) => Array.from({ length: count }, (_, index) => index + from);
const X32 = 0x4000_0000;
const NUMBERS = [...range(600), ...range(600, X32), -1, -2, -10_000, 100_000, X32 - 1, X32 + 100_000];
/** AUDIT_ARCH_* of x86_64, i386 and aarch64. */
const ARCHITECTURES = [0xc000_003e, 0x4000_0003, 0xc000_00b7];
const VALUES = [
  ...[0, 1, 2, 4, 5, 6, 8, 37, 38, 39, 40, 41, 0x1_0000, 0x2_0000, 0x2_0008, 0x1000_0000, 0x7e02_0000],
  ...[0xffff_ffff, 1n << 32n, (1n << 32n) + 38n, 2n ** 64n - 1n],
];

function* calls(): Iterable<SystemCallData> {
  for (const architecture of ARCHITECTURES)
    for (const number of NUMBERS)
      for (const value of VALUES) yield { architecture, number, arguments: [value, value] };
}

const base = DEFAULT_SECCOMP_PROFILE;
const equals = (value: number) => ({ index: 0, value, op: "SCMP_CMP_EQ" });
const below = (value: number) => ({ index: 0, value, op: "SCMP_CMP_LT" });

test.skipIf(process.arch !== "x64" || !findProgram("runc")).each<[string, object | undefined]>([
  ["the default profile", undefined],
  ["one architecture only", { ...base, archMap: undefined, architectures: ["SCMP_ARCH_X86_64"] }],
  [
    "another error number, and conditions on one argument twice",
    {
      ...base,
      defaultErrnoRet: 38,
      syscalls: [
        ...base.syscalls,
        { names: ["swapon"], action: "SCMP_ACT_ALLOW", args: [equals(1), equals(2)] },
      ],
    },
  ],
  [
    "everything but some",
    {
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X86_64"],
      syscalls: [
        { names: ["mount", "bind", "no_such_call"], action: "SCMP_ACT_ERRNO", errnoRet: 13 },
        { names: ["keyctl"], action: "SCMP_ACT_KILL_PROCESS" },
        { names: ["add_key"], action: "SCMP_ACT_TRAP" },
        { names: ["acct"], action: "SCMP_ACT_TRACE", errnoRet: 7 },
        { names: ["swapoff"], action: "SCMP_ACT_LOG" },
        { names: ["reboot"], action: "SCMP_ACT_ALLOW" },
      ],
    },
  ],
  [
    "rules that contradict each other",
    {
      defaultAction: "SCMP_ACT_LOG",
      syscalls: [
        { names: ["swapon", "socketcall"], action: "SCMP_ACT_ERRNO", args: [below(5)] },
        { names: ["swapon", "bind"], action: "SCMP_ACT_KILL", args: [below(40)] },
        { names: ["socket"], action: "SCMP_ACT_KILL", args: [equals(38)] },
        { names: ["reboot"], action: "SCMP_ACT_KILL", args: [below(40)] },
        { names: ["reboot"], action: "SCMP_ACT_ERRNO", args: [below(5)] },
        { names: ["acct"], action: "SCMP_ACT_KILL", args: [equals(1)] },
        { names: ["acct", "socketpair"], action: "SCMP_ACT_ALLOW" },
      ],
    },
  ],
])(
  "answers every call as the filter that runc builds: %s",
  async (_, profile) => {
    const host = profile === undefined ? {} : { SecurityOpt: [`seccomp=${JSON.stringify(profile)}`] };
    const container = await fixture.run(["sleep", "1000"], { host });
    const filter = container.spec.linux.seccomp;
    const own = filter && seccompProgram(filter);
    if (own === undefined) throw new Error("no program");
    const theirs = loadedProgram(container.pid);
    if (theirs === undefined) return;
    const hex = (verdict: number) => verdict.toString(16);
    const different: unknown[] = [];
    for (const call of calls()) {
      const [ours, runcs] = [seccompVerdict(own, call), seccompVerdict(theirs, call)];
      if (ours !== runcs) different.push({ call, ours: hex(ours), runcs: hex(runcs) });
    }
    expect(different.slice(0, 10)).toEqual([]);
  },
  PATIENCE_MS,
);
