import type { OciSeccomp, OciSeccompRule } from "../oci.ts";
import { DEFAULT_SECCOMP_PROFILE } from "./default-profile.ts";
import { parseSeccompProfile, type SeccompCondition, type SeccompProfile } from "./profile.ts";

/** What a profile's conditions look at. */
export interface SeccompSubject {
  /** As uname(2) says: `x86_64`. */
  readonly machine: string;
  readonly kernelVersion: readonly [major: number, minor: number];
  /** The container's bounding set. */
  readonly capabilities: readonly string[];
  /** Architectures that a machine's programs could also have, but which this kernel does not run. */
  readonly unusableArchitectures?: ReadonlySet<string>;
}

/** uname's machine → Docker's name in conditions, and libseccomp's in `archMap`. */
const ARCHITECTURES: Readonly<Record<string, readonly [docker: string, libseccomp: string]>> = {
  x86_64: ["amd64", "SCMP_ARCH_X86_64"],
  i686: ["x86", "SCMP_ARCH_X86"],
  aarch64: ["arm64", "SCMP_ARCH_AARCH64"],
  armv7l: ["arm", "SCMP_ARCH_ARM"],
  riscv64: ["riscv64", "SCMP_ARCH_RISCV64"],
  s390x: ["s390x", "SCMP_ARCH_S390X"],
  ppc64le: ["ppc64le", "SCMP_ARCH_PPC64LE"],
  loongarch64: ["loongarch64", "SCMP_ARCH_LOONGARCH64"],
  mips64: ["mips64", "SCMP_ARCH_MIPS64"],
};

/** A handful of profiles and capability sets are in use at a time; the oldest goes when there are more. */
const MAX_CACHED = 32;
const compiled = new Map<string, OciSeccomp | undefined>();

/**
 * The OCI filter of a profile (the default one without text) for one container; `undefined` where the profile is
 * empty, which Docker takes for "unconfined". The result is shared: don't change it.
 * @throws InvalidParameter for text that is no profile
 */
export function seccompFilter(text: string | undefined, subject: SeccompSubject): OciSeccomp | undefined {
  const { machine, kernelVersion, capabilities, unusableArchitectures } = subject;
  const facts = [machine, kernelVersion, capabilities, [...(unusableArchitectures ?? [])]];
  const key = `${facts.join(" ")}\n${text ?? ""}`;
  const known = compiled.get(key);
  if (known !== undefined || compiled.has(key)) return known;
  const profile = text === undefined ? DEFAULT_SECCOMP_PROFILE : parseSeccompProfile(text);
  const filter = compileSeccomp(profile, subject);
  if (compiled.size >= MAX_CACHED) compiled.delete(compiled.keys().next().value as string);
  compiled.set(key, filter);
  return filter;
}

/** Picks the rules whose conditions hold, and the architectures of this machine. */
export function compileSeccomp(profile: SeccompProfile, subject: SeccompSubject): OciSeccomp | undefined {
  if (profile.defaultAction === "" && profile.syscalls.length === 0) return undefined;
  const architectures = architecturesOf(profile, subject);
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    ...(architectures.length === 0 ? {} : { architectures }),
    ...(profile.flags?.length ? { flags: profile.flags } : {}),
    ...(profile.listenerPath ? { listenerPath: profile.listenerPath } : {}),
    ...(profile.listenerMetadata ? { listenerMetadata: profile.listenerMetadata } : {}),
    syscalls: profile.syscalls
      .filter((rule) => !excluded(rule.excludes, subject) && included(rule.includes, subject))
      .map(({ includes: _, excludes: __, ...rule }): OciSeccompRule => rule),
  };
}

function architecturesOf(profile: SeccompProfile, subject: SeccompSubject): string[] {
  if (profile.architectures?.length) return profile.architectures;
  const own = ARCHITECTURES[subject.machine]?.[1];
  const entry = profile.archMap?.find((candidate) => candidate.architecture === own);
  if (!entry) return [];
  const others = entry.subArchitectures.filter((name) => !subject.unusableArchitectures?.has(name));
  return [entry.architecture, ...others];
}

function excluded(condition: SeccompCondition | undefined, subject: SeccompSubject): boolean {
  if (!condition) return false;
  return (
    (condition.arches ?? []).includes(architectureName(subject)) ||
    (condition.caps ?? []).some((capability) => subject.capabilities.includes(capability)) ||
    (condition.minKernel !== undefined && kernelReaches(subject, condition.minKernel))
  );
}

function included(condition: SeccompCondition | undefined, subject: SeccompSubject): boolean {
  if (!condition) return true;
  return (
    (!condition.arches?.length || condition.arches.includes(architectureName(subject))) &&
    (condition.caps ?? []).every((capability) => subject.capabilities.includes(capability)) &&
    (condition.minKernel === undefined || kernelReaches(subject, condition.minKernel))
  );
}

function architectureName(subject: SeccompSubject): string {
  return ARCHITECTURES[subject.machine]?.[0] ?? subject.machine;
}

function kernelReaches(subject: SeccompSubject, wanted: string): boolean {
  const [major = 0, minor = 0] = wanted.split(".").map(Number);
  const [ownMajor, ownMinor] = subject.kernelVersion;
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
