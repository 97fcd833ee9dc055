import { SECCOMP_ACTIONS } from "../../../linux/index.ts";

/**
 * The start of a seccomp program that answers ENOSYS, and not what the profile says for calls that it does not name, to
 * system calls newer than any that it names: a C library that finds ENOSYS falls back on an older call, where EPERM would be
 * the end. The rule is runc's (libcontainer/seccomp/patchbpf, since 1.0.0-rc93), which knows a call's age by its number.
 */

/** linux/audit.h: what `seccomp_data.arch` says. */
const AUDIT_ARCH_X86_64 = 0xc000_003e;
/** x32 calls itself x86_64 and sets this bit in the numbers of its system calls (asm/unistd.h). */
const X32_SYSCALL_BIT = 0x4000_0000;
/** libseccomp's own number for x32; of the others it uses the kernel's. */
export const SCMP_ARCH_X32 = 0x4000_003e;
export const SCMP_ARCH_X86_64 = AUDIT_ARCH_X86_64;

/** Instructions of linux/bpf_common.h, each with one constant: `struct sock_filter`. */
const LOAD_WORD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_GREATER = 0x25;
const JUMP_IF_ANY_BIT = 0x45;
const RETURN = 0x06;
/** Where the words lie in `struct seccomp_data`. */
const SYSCALL_NUMBER = 0;
const ARCHITECTURE = 4;
const ENOSYS = 38;

/** The place in a `BackwardsProgram` where the filter begins: right behind the stub. */
const FILTER = 0;

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, constant: number];

/**
 * Instructions to put before a filter's own.
 * @param newest The highest number that the profile names, by SCMP_ARCH_*: at most x86, x86_64, x32, arm and aarch64.
 */
export function enosysStub(newest: ReadonlyMap<number, number>): Uint8Array {
  const stub = new BackwardsProgram();
  stub.prepend(RETURN, SECCOMP_ACTIONS.errno | ENOSYS);
  const unsupported = stub.start;

  const sections = new Map<number, number>();
  for (const [architecture, number] of newest) {
    if (architecture === SCMP_ARCH_X32 || architecture === SCMP_ARCH_X86_64) continue;
    stub.prepend(JUMP_IF_GREATER, number, unsupported, FILTER);
    stub.prepend(LOAD_WORD, SYSCALL_NUMBER);
    sections.set(architecture, stub.start);
  }
  const [x32, x64] = [newest.get(SCMP_ARCH_X32), newest.get(SCMP_ARCH_X86_64)];
  if (x32 !== undefined || x64 !== undefined) {
    const [ofX32, ofX64] = [x32, x64].map((number) => {
      if (number === undefined) return FILTER;
      stub.prepend(JUMP_IF_GREATER, number, unsupported, FILTER);
      return stub.start;
    });
    stub.prepend(JUMP_IF_ANY_BIT, X32_SYSCALL_BIT, ofX32, ofX64);
    stub.prepend(LOAD_WORD, SYSCALL_NUMBER);
    sections.set(AUDIT_ARCH_X86_64, stub.start);
  }

  if (sections.size === 0) return new Uint8Array();
  let otherwise = FILTER;
  for (const [architecture, section] of sections) {
    stub.prepend(JUMP_IF_EQUAL, architecture, section, otherwise);
    otherwise = stub.start;
  }
  stub.prepend(LOAD_WORD, ARCHITECTURE);
  return stub.bytes();
}

/** Written from its end, so that every place a jump can lead to is known: it is named by its distance from the end. */
class BackwardsProgram {
  readonly #instructions: Instruction[] = [];

  /** The place of the instruction that was added last. */
  get start(): number {
    return this.#instructions.length;
  }

  /** Jumps are to places; without them the program goes on with the next instruction. */
  prepend(code: number, constant: number, whenTrue = this.start, whenFalse = this.start): void {
    this.#instructions.unshift([code, this.start - whenTrue, this.start - whenFalse, constant]);
  }

  /** Jumps are of 8 bits, more than a stub for five architectures has instructions. */
  bytes(): Uint8Array {
    const bytes = Buffer.alloc(this.#instructions.length * 8);
    for (const [index, [code, jumpTrue, jumpFalse, constant]] of this.#instructions.entries()) {
      const at = index * 8;
      bytes.writeUInt16LE(code, at);
      bytes.writeUInt8(jumpTrue, at + 2);
      bytes.writeUInt8(jumpFalse, at + 3);
      bytes.writeUInt32LE(constant >>> 0, at + 4);
    }
    return bytes;
  }
}
