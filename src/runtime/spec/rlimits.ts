import { invalidParameter, log } from "../../lib/index.ts";
import type { OciRlimit } from "./oci.ts";

/** A limit as Docker's API has it: -1 is "unlimited". */
export interface UlimitRequest {
  readonly Name?: string;
  readonly Soft?: number;
  readonly Hard?: number;
}

/** setrlimit(2)'s names as Docker writes them. */
const NAMES: ReadonlySet<string> = new Set([
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
]);

/** RLIM_INFINITY is 2⁶⁴-1, which is no safe integer; `serializeSpec` writes it out exactly. */
export const UNLIMITED = Number.POSITIVE_INFINITY;

export interface UlimitSources {
  readonly requested?: readonly UlimitRequest[] | null;
  /** The daemon's `default-ulimits`. */
  readonly defaults?: readonly UlimitRequest[];
  /** Hard limits of this daemon, by name; absent: it may raise them (CAP_SYS_RESOURCE). */
  readonly hardLimits?: ReadonlyMap<string, number>;
}

/**
 * The container's resource limits. One that the user asked for and cannot have is an error; one of the daemon's
 * defaults is lowered to what this host allows.
 * @throws InvalidParameter
 */
export function resolveRlimits(sources: UlimitSources): OciRlimit[] {
  const requested = (sources.requested ?? []).map((ulimit) => {
    const limit = parseUlimit(ulimit);
    const ceiling = sources.hardLimits?.get(limit.name);
    if (ceiling !== undefined && limit.hard > ceiling) {
      throw invalidParameter(
        `cannot set ulimit ${limit.name} to ${printLimit(limit.hard)}: this host's hard limit is ${printLimit(ceiling)} and the daemon lacks CAP_SYS_RESOURCE`,
      );
    }
    return limit;
  });
  const names = new Set(requested.map((limit) => limit.name));
  const defaults = (sources.defaults ?? []).map(parseUlimit).filter((limit) => !names.has(limit.name));
  return [...requested, ...defaults.map((limit) => lowered(limit, sources.hardLimits))].map(
    ({ name, soft, hard }) => ({ type: `RLIMIT_${name.toUpperCase()}`, soft, hard }),
  );
}

interface Limit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

function parseUlimit(ulimit: UlimitRequest): Limit {
  const name = ulimit.Name ?? "";
  if (!NAMES.has(name)) throw invalidParameter(`invalid ulimit type: ${name}`);
  const soft = amount(ulimit.Soft ?? 0);
  const hard = amount(ulimit.Hard ?? 0);
  if (soft > hard) {
    throw invalidParameter(
      `ulimit soft limit must be less than or equal to hard limit: ${printLimit(soft)} > ${printLimit(hard)}`,
    );
  }
  return { name, soft, hard };
}

function amount(value: number): number {
  return value < 0 ? UNLIMITED : value;
}

function lowered(limit: Limit, hardLimits: ReadonlyMap<string, number> | undefined): Limit {
  const ceiling = hardLimits?.get(limit.name);
  if (ceiling === undefined || limit.hard <= ceiling) return limit;
  log.debug("default ulimit lowered to this host's hard limit", { ulimit: limit.name, hard: ceiling });
  return { name: limit.name, soft: Math.min(limit.soft, ceiling), hard: ceiling };
}

function printLimit(value: number): string {
  return value === UNLIMITED ? "unlimited" : String(value);
}
