import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { type Libseccomp, openLibseccomp, SECCOMP_ACTIONS, type SystemCallFilter } from "./libseccomp.ts";

const library = openLibseccomp() as Libseccomp;
const ANY: SystemCallFilter = { defaultAction: SECCOMP_ACTIONS.allow, architectures: [], rules: [] };
const read = library.systemCallNumber("read", library.nativeArchitecture) as number;

describe("libseccomp", () => {
  test("knows this machine's architecture and its system calls", () => {
    expect(library.nativeArchitecture).toBe({ x64: 0xc000003e, arm64: 0xc00000b7 }[process.arch as "x64"]);
    expect(read).toBe({ x64: 0, arm64: 63 }[process.arch as "x64"]);
    expect(library.systemCallNumber("socketcall", library.nativeArchitecture)).toBeLessThan(0);
    expect(library.systemCallNumber("no_such_call", library.nativeArchitecture)).toBeUndefined();
  });

  test("makes a program, one that returns where it ends, and leaves nothing open", () => {
    const before = readdirSync("/proc/self/fd").length;
    const action = SECCOMP_ACTIONS.errno | 5;
    const program = library.compile({ ...ANY, rules: [{ systemCall: read, action, conditions: [] }] });
    expect(program.length % 8).toBe(0);
    expect(program[program.length - 8]).toBe(0x06); // ret
    const constants = Array.from({ length: program.length / 8 }, (_, index) =>
      Buffer.from(program).readUInt32LE(index * 8 + 4),
    );
    expect(constants).toContain(action);
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });

  test("refuses what it cannot build, and says what", () => {
    const rule = { systemCall: read, action: SECCOMP_ACTIONS.killThread, conditions: [] };
    const on = (index: number) => ({ index, comparison: "equal" as const, value: 2n ** 64n - 1n });
    expect(() => library.compile({ ...ANY, defaultAction: 7 })).toThrow("invalid default action 7");
    expect(() => library.compile({ ...ANY, architectures: [7] })).toThrow("architecture 0x7: EINVAL");
    expect(() => library.compile({ ...ANY, rules: [{ ...rule, action: ANY.defaultAction }] })).toThrow(
      `rule for system call ${read}: EACCES`,
    );
    expect(() => library.compile({ ...ANY, rules: [{ ...rule, conditions: [on(6)] }] })).toThrow("EINVAL");
    expect(() => library.compile({ ...ANY, rules: [{ ...rule, conditions: [on(1), on(1)] }] })).toThrow(
      "EINVAL",
    );
    expect(() => library.systemCallNumber("read\0x", library.nativeArchitecture)).toThrow("NUL");
  });

  test("takes an architecture twice", () => {
    const { nativeArchitecture } = library;
    const architectures = [nativeArchitecture, nativeArchitecture];
    expect(library.compile({ ...ANY, architectures })).toEqual(library.compile(ANY));
  });
});
