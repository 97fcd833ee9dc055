/** Values of log options as Go's libraries read them, so that what Docker takes is taken and what it refuses is refused. */
import { invalidParameter } from "../../lib/index.ts";

const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/** Go's `strconv.ParseBool`. @throws InvalidParameter */
export function parseBool(text: string): boolean {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw invalidParameter(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** Go's `strconv.Atoi`. @throws InvalidParameter */
export function parseInteger(text: string): number {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) {
    throw invalidParameter(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return value;
}

const POWERS: Readonly<Record<string, number>> = { "": 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/**
 * A size in bytes: `10m`, `1.5gb`, `512`. The unit's step is 1000 for the sizes of log files and 1024 for those of memory
 * (go-units' `FromHumanSize` and `RAMInBytes`).
 * @throws InvalidParameter `invalid size: 'x'`
 */
export function parseSize(text: string, step: 1000 | 1024): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp])?(?:i?b)?$/i.exec(text.trim());
  if (match === null) throw invalidParameter(`invalid size: '${text}'`);
  return Math.floor(Number(match[1]) * step ** (POWERS[(match[2] ?? "").toLowerCase()] ?? 0));
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 36e5,
};

/** Milliseconds of Go's `time.ParseDuration`: `1s`, `1h15m30.5s`. @throws InvalidParameter */
export function parseDuration(text: string): number {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)$/.exec(text);
  if (match === null) throw invalidParameter(`time: invalid duration ${JSON.stringify(text)}`);
  let milliseconds = 0;
  for (const [, amount, unit] of match[2]!.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    milliseconds += Number(amount) * UNITS[unit!]!;
  }
  return match[1] === "-" ? -milliseconds : milliseconds;
}
