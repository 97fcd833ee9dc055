import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "./cgroups/files.ts";

/** `e_machine` of elf(5) and machine code that ends with 0, for the other kinds of programs that an x86_64 kernel may run. */
const X86_PROGRAMS: Readonly<Record<string, { machine: number; code: readonly number[] }>> = {
  // mov $1,%eax; xor %ebx,%ebx; int $0x80
  SCMP_ARCH_X86: { machine: 3, code: [0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80] },
  // mov $0x4000003c,%eax; xor %edi,%edi; syscall
  SCMP_ARCH_X32: { machine: 62, code: [0xb8, 0x3c, 0, 0, 0x40, 0x31, 0xff, 0x0f, 0x05] },
};

/**
 * Architectures of seccomp filters that make no difference on this kernel, as it runs no such programs: x32 on nearly all, i386 on some.
 * Found by running one of each, a few bytes long; where that cannot be tried, they count as usable.
 *
 * It pays: what a runtime needs to build a filter grows with the square of its length, and of 18 ms (runc 1.1.5, Docker's profile, three
 * architectures) 5 go to x32.
 */
export function unusableArchitectures(machine: string): ReadonlySet<string> {
  if (machine !== "x86_64") return new Set();
  const directory = mkdtempSync(join(tmpdir(), "berth-arch-"));
  try {
    return new Set(Object.keys(X86_PROGRAMS).filter((name) => !kernelRuns(directory, name)));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function kernelRuns(directory: string, name: string): boolean {
  const program = X86_PROGRAMS[name];
  if (!program) return true;
  const path = join(directory, name);
  try {
    writeFileSync(path, elf32(program.machine, program.code), { mode: 0o700 });
    Bun.spawnSync([path], { cwd: "/", env: {}, stdio: ["ignore", "ignore", "ignore"], timeout: 5000 });
    return true;
  } catch (error) {
    return codeOf(error) !== "ENOEXEC";
  }
}

const HEADER_BYTES = 52;
const SEGMENT_BYTES = 32;
const LOAD_ADDRESS = 0x1_0000;

/** A statically linked program of one segment (elf(5), class 32, little-endian). */
function elf32(machine: number, code: readonly number[]): Uint8Array {
  const start = HEADER_BYTES + SEGMENT_BYTES;
  const bytes = Buffer.alloc(start + code.length);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  bytes.writeUInt16LE(2, 16); // ET_EXEC
  bytes.writeUInt16LE(machine, 18);
  bytes.writeUInt32LE(1, 20); // EV_CURRENT
  bytes.writeUInt32LE(LOAD_ADDRESS + start, 24);
  bytes.writeUInt32LE(HEADER_BYTES, 28);
  bytes.writeUInt16LE(HEADER_BYTES, 40);
  bytes.writeUInt16LE(SEGMENT_BYTES, 42);
  bytes.writeUInt16LE(1, 44);
  const PT_LOAD = 1;
  const READ_AND_EXECUTE = 5;
  const segment = [
    PT_LOAD,
    0,
    LOAD_ADDRESS,
    LOAD_ADDRESS,
    bytes.length,
    bytes.length,
    READ_AND_EXECUTE,
    0x1000,
  ];
  for (const [index, value] of segment.entries()) bytes.writeUInt32LE(value, HEADER_BYTES + index * 4);
  bytes.set(code, start);
  return bytes;
}
