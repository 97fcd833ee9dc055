import { invalidParameter } from "../lib/index.ts";
import type { ContainerStatus, HealthStatus } from "../wire/index.ts";
import type { Filters } from "./requests.ts";

const STATUSES: readonly ContainerStatus[] = [
  "created",
  "running",
  "paused",
  "restarting",
  "removing",
  "exited",
  "dead",
];
const HEALTH: readonly HealthStatus[] = ["none", "starting", "healthy", "unhealthy"];

/** @throws InvalidParameter `invalid filter 'x'` for keys that mean nothing here */
export function checkFilterNames(filters: Filters, known: readonly string[]): void {
  for (const name of Object.keys(filters)) {
    if (!known.includes(name)) throw invalidParameter(`invalid filter '${name}'`);
  }
}

export function valuesOf(filters: Filters, name: string): readonly string[] {
  return filters[name] ?? [];
}

/**
 * Docker's `Match`: equal, or matched anywhere by the value as a regular expression. No values: everything
 * matches.
 */
export function matchesAny(values: readonly string[], texts: readonly string[]): boolean {
  if (values.length === 0) return true;
  return values.some((value) => texts.some((text) => text === value || matcherOf(value)(text)));
}

const LONGEST_PATTERN = 256;
const LONGEST_TEXT = 256;

/**
 * A pattern comes from a client, and JavaScript's engine backtracks: patterns that could take it long (a
 * repeated group,
 * or many repetitions) are taken literally.
 */
function matcherOf(pattern: string): (text: string) => boolean {
  const repetitions = pattern.match(/[*+?{]/g)?.length ?? 0;
  const repeatsGroup = /\)[*+?{]/.test(pattern);
  const refers = /\\[1-9k]|\(\?/.test(pattern);
  if (pattern.length > LONGEST_PATTERN || repetitions > 3 || repeatsGroup || refers) {
    return (text) => text.includes(pattern);
  }
  try {
    const regex = new RegExp(pattern);
    return (text) => regex.test(text.slice(0, LONGEST_TEXT));
  } catch {
    return () => false;
  }
}

/** Docker's `MatchKVList`: each of `key` and `key=value` must hold. */
export function matchesLabels(
  wanted: readonly string[],
  labels: Readonly<Record<string, string>> | null | undefined,
): boolean {
  return wanted.every((text) => {
    const equals = text.indexOf("=");
    const key = equals === -1 ? text : text.slice(0, equals);
    if (!Object.hasOwn(labels ?? {}, key)) return false;
    return equals === -1 || labels![key] === text.slice(equals + 1);
  });
}

/** @throws InvalidParameter */
export function parseStatuses(values: readonly string[]): readonly string[] {
  return checkWords("status", "state", values, STATUSES);
}

/** @throws InvalidParameter */
export function parseHealth(values: readonly string[]): readonly string[] {
  return checkWords("health", "health", values, HEALTH);
}

function checkWords(
  name: string,
  what: string,
  values: readonly string[],
  known: readonly string[],
): readonly string[] {
  for (const value of values) {
    if (known.includes(value)) continue;
    throw invalidParameter(
      `invalid filter '${name}=${value}': invalid value for ${what} (${value}): must be one of ${known.join(", ")}`,
    );
  }
  return values;
}

/** @throws InvalidParameter */
export function parseExitCodes(values: readonly string[]): number[] {
  return values.map((value) => {
    if (/^-?\d+$/.test(value)) return Number(value);
    throw invalidParameter(
      `invalid filter 'exited=${value}': strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`,
    );
  });
}

/** `undefined` where the filter is not used. @throws InvalidParameter */
export function parseBoolFilter(filters: Filters, name: string): boolean | undefined {
  const values = filters[name];
  if (values === undefined || values.length === 0) return undefined;
  const isTrue = values.some((value) => ["1", "true"].includes(value));
  const isFalse = values.some((value) => ["0", "false"].includes(value));
  if (isTrue === isFalse) throw invalidParameter(`invalid filter '${name}=[${values.join(" ")}]'`);
  return isTrue;
}

/** `80`, `80/udp`, `8000-8010/tcp` → `80/tcp` … @throws InvalidParameter */
export function parsePortFilter(name: string, values: readonly string[]): Set<string> {
  const ports = new Set<string>();
  for (const value of values) {
    if (value.includes(":")) {
      throw invalidParameter(`filter for '${name}' should not contain ':': ${value}`);
    }
    const [, first, last = first, protocol = "tcp"] =
      /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(value.toLowerCase()) ?? [];
    if (first === undefined || Number(last) > 65_535 || Number(first) > Number(last)) {
      throw invalidParameter(`error while looking up for ${name} ${value}: invalid port range`);
    }
    for (let port = Number(first); port <= Number(last); port++) ports.add(`${port}/${protocol}`);
  }
  return ports;
}

/**
 * Go durations (`1h30m`), seconds since the epoch or RFC 3339, as milliseconds since the epoch. @throws
 * InvalidParameter
 */
export function parseUntil(values: readonly string[], nowMs: number): number | undefined {
  if (values.length === 0) return undefined;
  if (values.length > 1) throw invalidParameter("more than one until filter specified");
  const text = values[0]!;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const span = parseDuration(text);
  if (span !== undefined) return nowMs - span;
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw invalidParameter(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return time;
}

const UNITS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 0.001,
  µs: 0.001,
  ns: 0.000_001,
};

function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(h|ms|m|s|us|µs|ns))+$/.test(text)) return undefined;
  let milliseconds = 0;
  for (const [, number = "", , unit = ""] of text.matchAll(/(\d+(\.\d+)?)(h|ms|m|s|us|µs|ns)/g)) {
    milliseconds += Number(number) * UNITS[unit]!;
  }
  return milliseconds;
}
