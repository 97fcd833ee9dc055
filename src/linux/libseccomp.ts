import { dlopen, type Pointer } from "bun:ffi";
import { fstatSync, readSync } from "node:fs";
import { invalidParameter, systemError } from "../lib/index.ts";
import { errorName, LinuxError } from "./errors.ts";
import { OwnedDescriptor } from "./files/descriptors.ts";
import { check, libc } from "./libc.ts";

/** The library's name since version 2.0. */
const LIBRARY = "libseccomp.so.2";

/** What the kernel does with a system call: SECCOMP_RET_* of linux/seccomp.h, of which libseccomp's SCMP_ACT_* are copies. */
export const SECCOMP_ACTIONS = {
  killThread: 0,
  killProcess: 0x8000_0000,
  trap: 0x0003_0000,
  /** Fails with the error number in its lower 16 bits. */
  errno: 0x0005_0000,
  /** Asks a tracer, who is told the lower 16 bits. */
  trace: 0x7ff0_0000,
  log: 0x7ffc_0000,
  allow: 0x7fff_0000,
} as const;

/** `enum scmp_compare`. `maskedEqual`: the argument's bits under `value` are `valueTwo`. */
const COMPARISONS = {
  notEqual: 1,
  less: 2,
  lessOrEqual: 3,
  equal: 4,
  greaterOrEqual: 5,
  greater: 6,
  maskedEqual: 7,
} as const;

export type Comparison = keyof typeof COMPARISONS;

/** A condition on one argument of a system call. Values are 64 bits, unsigned. */
export interface ArgumentCondition {
  /** From 0 on. */
  readonly index: number;
  readonly comparison: Comparison;
  readonly value: number | bigint;
  readonly valueTwo?: number | bigint;
}

export interface SystemCallRule {
  /** Of this machine's own architecture, as `systemCallNumber` says. */
  readonly systemCall: number;
  /** One of `SECCOMP_ACTIONS`, with its lower bits; not the filter's default. */
  readonly action: number;
  /** All of them must hold; on one argument at most one. */
  readonly conditions: readonly ArgumentCondition[];
}

export interface SystemCallFilter {
  readonly defaultAction: number;
  /** SCMP_ARCH_* numbers, besides this machine's own; a call by any other kills the thread. */
  readonly architectures: readonly number[];
  /** Where rules for one system call disagree, what came before and what is wider matters: see seccomp_rule_add(3). */
  readonly rules: readonly SystemCallRule[];
  /** Looks a system call up in a tree and not one by one (libseccomp 2.5 and newer). Takes at least one rule. */
  readonly tree?: boolean;
}

/** Builder of seccomp filters. It holds nothing open. */
export interface Libseccomp {
  /** SCMP_ARCH_* of the machine that this process runs on. */
  readonly nativeArchitecture: number;
  /**
   * The number of a system call on an architecture. Those that exist on another one only have a number below zero, which
   * rules take too.
   */
  systemCallNumber(name: string, architecture: number): number | undefined;
  /**
   * The filter as a program of the kernel's classic BPF: 8 bytes an instruction (`struct sock_filter`).
   * @throws InvalidParameter for what libseccomp does not take; LinuxError where there is no memory file to be had
   */
  compile(filter: SystemCallFilter): Uint8Array;
}

let opened: Libseccomp | null | undefined;

/** libseccomp, as runc and crun use it; undefined where it is not installed. Loaded at the first call. */
export function openLibseccomp(): Libseccomp | undefined {
  if (opened === undefined) {
    try {
      opened = new LoadedLibrary(openSymbols());
    } catch {
      opened = null;
    }
  }
  return opened ?? undefined;
}

function openSymbols() {
  return dlopen(LIBRARY, {
    seccomp_arch_native: { args: [], returns: "u32" },
    seccomp_syscall_resolve_name_arch: { args: ["u32", "ptr"], returns: "i32" },
    seccomp_init: { args: ["u32"], returns: "ptr" },
    seccomp_release: { args: ["ptr"], returns: "void" },
    seccomp_arch_add: { args: ["ptr", "u32"], returns: "i32" },
    seccomp_attr_set: { args: ["ptr", "u32", "u32"], returns: "i32" },
    seccomp_rule_add_array: { args: ["ptr", "u32", "i32", "u32", "ptr"], returns: "i32" },
    seccomp_export_bpf: { args: ["ptr", "i32"], returns: "i32" },
  } as const).symbols;
}

type Symbols = ReturnType<typeof openSymbols>;

/** `__NR_SCMP_ERROR` of seccomp.h. */
const UNKNOWN_SYSTEM_CALL = -1;
/** `SCMP_FLTATR_CTL_OPTIMIZE`, and its value for a tree. */
const OPTIMIZE = 8;
const OPTIMIZE_TREE = 2;
/** errno.h: the architecture is in the filter already. */
const EEXIST = 17;
/** linux/memfd.h */
const MFD_CLOEXEC = 1;
/** `struct scmp_arg_cmp`: u32 argument, u32 comparison, u64 value, u64 second value. */
const CONDITION_BYTES = 24;

class LoadedLibrary implements Libseccomp {
  readonly nativeArchitecture: number;
  readonly #symbols: Symbols;

  constructor(symbols: Symbols) {
    this.#symbols = symbols;
    this.nativeArchitecture = symbols.seccomp_arch_native();
  }

  systemCallNumber(name: string, architecture: number): number | undefined {
    if (name.includes("\0")) throw invalidParameter("seccomp: the name of a system call contains a NUL byte");
    const number = this.#symbols.seccomp_syscall_resolve_name_arch(architecture, Buffer.from(`${name}\0`));
    return number === UNKNOWN_SYSTEM_CALL ? undefined : number;
  }

  compile(filter: SystemCallFilter): Uint8Array {
    const context = this.#symbols.seccomp_init(filter.defaultAction) as Pointer | null;
    if (context === null) throw invalidParameter(`seccomp: invalid default action ${filter.defaultAction}`);
    try {
      for (const architecture of filter.architectures) this.#addArchitecture(context, architecture);
      // An older library does not know it, and builds a filter that does the same in more time.
      if (filter.tree) this.#symbols.seccomp_attr_set(context, OPTIMIZE, OPTIMIZE_TREE);
      for (const rule of filter.rules) this.#addRule(context, rule);
      return this.#export(context);
    } finally {
      this.#symbols.seccomp_release(context);
    }
  }

  #addArchitecture(context: Pointer, architecture: number): void {
    const result = this.#symbols.seccomp_arch_add(context, architecture);
    if (result < 0 && result !== -EEXIST)
      throw refused(`architecture 0x${architecture.toString(16)}`, result);
  }

  #addRule(context: Pointer, { systemCall, action, conditions }: SystemCallRule): void {
    const packed = conditions.length === 0 ? null : packConditions(conditions);
    const add = this.#symbols.seccomp_rule_add_array;
    const result = add(context, action, systemCall, conditions.length, packed);
    if (result < 0) throw refused(`rule for system call ${systemCall}`, result);
  }

  #export(context: Pointer): Uint8Array {
    using file = new OwnedDescriptor(
      check("memfd_create", libc.memfd_create(Buffer.from("seccomp\0"), MFD_CLOEXEC)),
    );
    const result = this.#symbols.seccomp_export_bpf(context, file.fd);
    if (result < 0) throw new LinuxError("seccomp_export_bpf", -result);
    const program = new Uint8Array(fstatSync(file.fd).size);
    const count = readSync(file.fd, program, 0, program.length, 0);
    if (count !== program.length) throw systemError("seccomp: the filter could not be read back");
    return program;
  }
}

function packConditions(conditions: readonly ArgumentCondition[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(conditions.length * CONDITION_BYTES));
  const littleEndian = true; // as all machines are that Bun runs on
  for (const [position, condition] of conditions.entries()) {
    const at = position * CONDITION_BYTES;
    bytes.setUint32(at, condition.index, littleEndian);
    bytes.setUint32(at + 4, COMPARISONS[condition.comparison], littleEndian);
    bytes.setBigUint64(at + 8, BigInt(condition.value), littleEndian);
    bytes.setBigUint64(at + 16, BigInt(condition.valueTwo ?? 0), littleEndian);
  }
  return new Uint8Array(bytes.buffer);
}

function refused(what: string, result: number) {
  return invalidParameter(`seccomp: ${what}: ${errorName(-result)}`);
}
