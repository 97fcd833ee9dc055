import { readFileSync } from "node:fs";
import { availableParallelism, release, totalmem } from "node:os";
import { check, libc } from "../libc.ts";

/** What the running kernel says of itself. */
export interface Kernel {
  /** `6.1.0-18-amd64` */
  readonly release: string;
  /** The first two numbers of the release, to be compared by `isAtLeast`. */
  readonly version: readonly [number, number];
  isAtLeast(major: number, minor: number): boolean;
}

/** The running kernel. */
export function kernel(): Kernel {
  const text = release();
  const [, major = "0", minor = "0"] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  const version = [Number(major), Number(minor)] as const;
  return {
    release: text,
    version,
    isAtLeast: (wantedMajor, wantedMinor) =>
      version[0] > wantedMajor || (version[0] === wantedMajor && version[1] >= wantedMinor),
  };
}

/** Memory of the host in bytes. */
export function memory(): { totalBytes: number } {
  return { totalBytes: totalmem() };
}

/** CPUs that this process may run on. */
export function cpuCount(): number {
  return availableParallelism();
}

/** Resources of getrlimit(2) (asm-generic/resource.h), by the names that Docker's `--ulimit` has. */
const RESOURCES = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
} as const;

export type LimitName = keyof typeof RESOURCES;

/** A resource limit; `Infinity` for none. */
export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

const RLIM_INFINITY = 2n ** 64n - 1n;

/** Both limits of this process; its children get no more than `hard`, unless it has CAP_SYS_RESOURCE. */
export function hardLimit(name: LimitName): Limit {
  const limit = new BigUint64Array(2);
  check("getrlimit", libc.getrlimit(RESOURCES[name], new Uint8Array(limit.buffer)), name);
  const [soft = 0n, hard = 0n] = limit;
  return { soft: numberOf(soft), hard: numberOf(hard) };
}

/** Raises this process's soft limit to its hard one; a daemon holds many descriptors. */
export function raiseSoftLimit(name: LimitName): void {
  const { hard } = hardLimit(name);
  const value = hard === Number.POSITIVE_INFINITY ? RLIM_INFINITY : BigInt(hard);
  const limit = new BigUint64Array([value, value]);
  check("setrlimit", libc.setrlimit(RESOURCES[name], new Uint8Array(limit.buffer)), name);
}

function numberOf(limit: bigint): number {
  return limit === RLIM_INFINITY ? Number.POSITIVE_INFINITY : Number(limit);
}

/** When the host started; clock ticks of `processStartTime` count from there. A value that changes with every boot. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
