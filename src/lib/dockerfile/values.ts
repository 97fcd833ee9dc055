/** Values of flags as Go's libraries read them. */
import { UNIT_NANOSECONDS } from "../duration-units.ts";
import { invalidParameter } from "../errors.ts";
import { quote } from "./text.ts";

const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/** Go's `strconv.ParseBool`; undefined for what is none. */
export function parseBool(text: string): boolean | undefined {
  return TRUE.has(text) ? true : FALSE.has(text) ? false : undefined;
}

/** Digits of a base that fit into 32 bits; undefined for anything else (Go's `strconv.ParseUint(text, base, 32)`). */
export function parseUint32(text: string, base: 8 | 10): number | undefined {
  const digits = base === 8 ? /^[0-7]{1,16}$/ : /^[0-9]{1,16}$/;
  const value = digits.test(text) ? Number.parseInt(text, base) : Number.NaN;
  return value <= 0xffff_ffff ? value : undefined;
}

const SIZE = /^(\d+(?:\.\d+)?) ?([kmgtp])?(?:i?b)?$/i;
const SIZE_POWERS = "kmgtp";

/** Bytes of go-units' `RAMInBytes` (`64m`, `1.5 GiB`); undefined for what is none. */
export function parseSizeBytes(text: string): number | undefined {
  const found = text.length > 64 ? null : SIZE.exec(text);
  if (found === null) return undefined;
  const power = found[2] === undefined ? 0 : SIZE_POWERS.indexOf(found[2].toLowerCase()) + 1;
  const bytes = Math.floor(Number(found[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const DURATION = /^([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const DURATION_PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/** A Go duration (`1h2m3.5s`) in nanoseconds. @throws InvalidParameter */
export function parseDurationNs(text: string): number {
  const invalid = () => invalidParameter(`time: invalid duration ${quote(text)}`);
  if (text.length > 64) throw invalid();
  if (/^[+-]?0$/.test(text)) return 0;
  const found = DURATION.exec(text);
  if (found === null) throw invalid();
  let total = 0;
  for (const [, number, unit] of found[2]!.matchAll(DURATION_PART))
    total += Number(number) * UNIT_NANOSECONDS[unit!]!;
  if (total > Number.MAX_SAFE_INTEGER) throw invalid();
  return Math.round(found[1] === "-" ? -total : total);
}
