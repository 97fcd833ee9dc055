import { EngineError } from "../../../lib/index.ts";
import {
  type ArgumentCondition,
  type Comparison,
  type Libseccomp,
  openLibseccomp,
  SECCOMP_ACTIONS,
  type SystemCallRule,
} from "../../../linux/index.ts";
import type { OciSeccomp, OciSeccompArg, OciSeccompRule } from "../oci.ts";
import { enosysStub, SCMP_ARCH_X32, SCMP_ARCH_X86_64 } from "./enosys-stub.ts";

/** BPF_MAXINSNS of linux/bpf_common.h, 8 bytes each. */
const MAX_PROGRAM_BYTES = 4096 * 8;
/** libseccomp's time grows faster than the filter, and the daemon waits for it; the default profile makes 400 rules. */
const MAX_RULES = 600;
/** Those with a condition. */
const MAX_RULES_OF_SYSTEM_CALL = 32;
/**
 * As runc 1.2 has it: from here on a tree pays. With the default profile it takes the kernel a third of the time to load (0.3
 * and not 0.9 ms at each start, as it tries all system calls to learn which it need not ask about), and calls with conditions
 * are a third faster.
 */
const MIN_RULES_FOR_TREE = 33;
/** runc gives it to a rule, or a profile, that says "error" and not which. */
const EPERM = 1;
const ENOSYS = 38;

/** Those that programs of a machine Bun runs on may have: AUDIT_ARCH_* of linux/audit.h, but for x32. */
const ARCHITECTURES: Readonly<Record<string, number>> = {
  SCMP_ARCH_X86: 0x4000_0003,
  SCMP_ARCH_X86_64,
  SCMP_ARCH_X32,
  SCMP_ARCH_ARM: 0x4000_0028,
  SCMP_ARCH_AARCH64: 0xc000_00b7,
};

/** The flags that change how a filter is loaded, and not the filter. */
const LOADING_FLAGS: ReadonlySet<string> = new Set([
  "SECCOMP_FILTER_FLAG_TSYNC",
  "SECCOMP_FILTER_FLAG_LOG",
  "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
]);

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  SCMP_CMP_NE: "notEqual",
  SCMP_CMP_LT: "less",
  SCMP_CMP_LE: "lessOrEqual",
  SCMP_CMP_EQ: "equal",
  SCMP_CMP_GE: "greaterOrEqual",
  SCMP_CMP_GT: "greater",
  SCMP_CMP_MASKED_EQ: "maskedEqual",
};

/** They go with the filters they belong to, of which `seccompFilter` keeps a handful. */
const programs = new WeakMap<OciSeccomp, Uint8Array | undefined>();

/**
 * The BPF program that runc makes of a filter (libcontainer/seccomp, 1.2), its answer to unknown system calls included: what
 * seccomp(2) loads, for a runtime that takes it ready. Some milliseconds for a filter that it has not seen, nothing for the
 * same object again. Flags are not in it: the runtime has those from the filter.
 *
 * `undefined` where the runtime has to do it: without libseccomp on this machine, for a filter that tells a listener or takes
 * too long to build, and for whatever runc would refuse, so that the runtime's own words reach the user.
 * @throws LinuxError where there is no memory file to be had
 */
export function seccompProgram(filter: OciSeccomp): Uint8Array | undefined {
  if (programs.has(filter)) return programs.get(filter);
  const library = openLibseccomp();
  const program = library && compileProgram(filter, library);
  programs.set(filter, program);
  return program;
}

function compileProgram(filter: OciSeccomp, library: Libseccomp): Uint8Array | undefined {
  try {
    return joinProgram(filter, library);
  } catch (error) {
    if (error instanceof LeftToRuntime) return undefined;
    if (error instanceof EngineError && error.kind === "InvalidParameter") return undefined;
    throw error;
  }
}

/** Why a filter has no program here. */
class LeftToRuntime extends Error {}

function joinProgram(filter: OciSeccomp, library: Libseccomp): Uint8Array {
  if (filter.listenerPath || filter.listenerMetadata) throw new LeftToRuntime("listener");
  const flag = filter.flags?.find((name) => !LOADING_FLAGS.has(name));
  if (flag !== undefined) throw new LeftToRuntime(`flag ${flag}`);
  const defaultAction = actionOf(filter.defaultAction, filter.defaultErrnoRet);
  const architectures = (filter.architectures ?? []).map((name) => known(ARCHITECTURES, name));
  const rules = rulesOf(filter, defaultAction, library);
  const tree = rules.length >= MIN_RULES_FOR_TREE;
  const compiled = library.compile({ defaultAction, architectures, rules, tree });
  const all = new Set([library.nativeArchitecture, ...architectures]);
  const program = permitsUnknown(defaultAction)
    ? compiled
    : Buffer.concat([enosysStub(newestSystemCalls(filter, all, library)), compiled]);
  if (program.length > MAX_PROGRAM_BYTES) throw new LeftToRuntime("too long");
  return program;
}

/** Whether a filter leaves it to the kernel, or to a tracer, to answer that a system call does not exist, or says so itself. */
function permitsUnknown(defaultAction: number): boolean {
  const { allow, log, trace, errno } = SECCOMP_ACTIONS;
  const action = (defaultAction & 0xffff_0000) >>> 0;
  return [allow, log, trace].some((one) => one === action) || defaultAction === (errno | ENOSYS);
}

/**
 * The highest system call number that a filter names, by architecture. A rule that changes nothing names its calls, too; no
 * entry for an architecture that has none of them.
 */
function newestSystemCalls(
  filter: OciSeccomp,
  architectures: ReadonlySet<number>,
  library: Libseccomp,
): Map<number, number> {
  const newest = new Map<number, number>();
  for (const architecture of architectures) {
    let highest = 0;
    for (const { names } of filter.syscalls) {
      for (const name of names)
        highest = Math.max(highest, library.systemCallNumber(name, architecture) ?? 0);
    }
    if (highest > 0) newest.set(architecture, highest);
  }
  return newest;
}

/** The rules that change something, by number and without the system calls that libseccomp does not know. */
function rulesOf(filter: OciSeccomp, defaultAction: number, library: Libseccomp): SystemCallRule[] {
  const rules: SystemCallRule[] = [];
  for (const rule of filter.syscalls) {
    if (rule.names.includes("")) throw new LeftToRuntime("system call without a name");
    const action = actionOf(rule.action, rule.errnoRet);
    const alternatives = alternativesOf(rule);
    if (action === defaultAction) continue;
    for (const name of rule.names) {
      const systemCall = library.systemCallNumber(name, library.nativeArchitecture);
      if (systemCall === undefined) continue;
      for (const conditions of alternatives) rules.push({ systemCall, action, conditions });
      if (rules.length > MAX_RULES) throw new LeftToRuntime("too many rules");
    }
  }
  refuseEndless(rules);
  return inFastOrder(rules);
}

/**
 * There are filters of two rules with which libseccomp (2.5.4) never comes to an end, and others that take it minutes: all
 * have conditions on several arguments of one system call. A runtime may wait for that, the daemon may not.
 */
function refuseEndless(rules: readonly SystemCallRule[]): void {
  const conditional = new Map<number, { argument: number; rules: number }>();
  for (const { systemCall, conditions } of rules) {
    const [first, second] = conditions;
    if (first === undefined) continue;
    const seen = conditional.get(systemCall) ?? { argument: first.index, rules: 0 };
    seen.rules++;
    if (second !== undefined || seen.argument !== first.index || seen.rules > MAX_RULES_OF_SYSTEM_CALL)
      throw new LeftToRuntime("conditions on several arguments, or too many");
    conditional.set(systemCall, seen);
  }
}

/**
 * Highest number first, which libseccomp adds at the front of a sorted list. Rules with unlike actions keep their order, as for
 * one system call it says which of them counts; those with like actions add up in any order.
 */
function inFastOrder(rules: readonly SystemCallRule[]): SystemCallRule[] {
  const sorted: SystemCallRule[] = [];
  for (let start = 0, end = 0; start < rules.length; start = end) {
    while (end < rules.length && rules[end]?.action === rules[start]?.action) end++;
    sorted.push(...rules.slice(start, end).sort((one, other) => other.systemCall - one.systemCall));
  }
  return sorted;
}

/** A rule's conditions, which must all hold, unless two are on the same argument: then runc takes each by itself. */
function alternativesOf(rule: OciSeccompRule): ArgumentCondition[][] {
  const conditions = (rule.args ?? []).map(conditionOf);
  const indexes = new Set(conditions.map(({ index }) => index));
  return indexes.size < conditions.length ? conditions.map((condition) => [condition]) : [conditions];
}

function conditionOf({ index, op, value, valueTwo }: OciSeccompArg): ArgumentCondition {
  return {
    index,
    comparison: known(COMPARISONS, op),
    value,
    ...(valueTwo === undefined ? {} : { valueTwo }),
  };
}

/** Only the actions that carry a number have one, of 16 bits. */
function actionOf(name: string, errnoRet: number | undefined): number {
  const number = (errnoRet ?? EPERM) & 0xffff;
  switch (name) {
    case "SCMP_ACT_ERRNO":
      return SECCOMP_ACTIONS.errno | number;
    case "SCMP_ACT_TRACE":
      return SECCOMP_ACTIONS.trace | number;
    default:
      return known(PLAIN_ACTIONS, name);
  }
}

/** SCMP_ACT_NOTIFY is left out: the runtime has to hand the listener on. */
const PLAIN_ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: SECCOMP_ACTIONS.killThread,
  SCMP_ACT_KILL_THREAD: SECCOMP_ACTIONS.killThread,
  SCMP_ACT_KILL_PROCESS: SECCOMP_ACTIONS.killProcess,
  SCMP_ACT_TRAP: SECCOMP_ACTIONS.trap,
  SCMP_ACT_LOG: SECCOMP_ACTIONS.log,
  SCMP_ACT_ALLOW: SECCOMP_ACTIONS.allow,
};

function known<T>(table: Readonly<Record<string, T>>, name: string): T {
  const value = Object.hasOwn(table, name) ? table[name] : undefined;
  if (value === undefined) throw new LeftToRuntime(name);
  return value;
}
