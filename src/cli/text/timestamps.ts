import { parseDuration } from "./duration.ts";

const TIME = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?)?(Z|[+-]\d\d:\d\d)?$/;

/**
 * Reads what `--since` and `--until` take: a duration back from now, a date or a time (local unless it names
 * its zone), or seconds since the epoch. Gives seconds with nine digits of fraction, as the API wants them.
 * @throws where it is none of these.
 */
export function parseTimestamp(text: string, nowMs: number = Date.now()): string {
  if (text === "") return "";
  if (/^\d+(\.\d+)?$/.test(text)) return text;
  const match = TIME.exec(text);
  if (match !== null) return absolute(text, match);
  const nanoseconds = BigInt(Math.round(nowMs * 1e6)) - BigInt(durationOf(text));
  return seconds(nanoseconds);
}

/** A time that a flag was given. @throws Error naming the flag. */
export function timeOf(flag: string, text: string): string {
  try {
    return parseTimestamp(text);
  } catch (error) {
    throw new Error(`invalid value for "${flag}": ${(error as Error).message}`, { cause: error });
  }
}

function durationOf(text: string): number {
  try {
    return parseDuration(text);
  } catch (cause) {
    throw new Error(`failed to parse value as time or duration: ${JSON.stringify(text)}`, { cause });
  }
}

function absolute(text: string, match: RegExpExecArray): string {
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction = "", zone] = match;
  const whole = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  // Without a zone, JavaScript reads a date and time as local, which is what people mean.
  const date = new Date(zone === undefined ? whole : `${whole}${zone}`);
  if (Number.isNaN(date.getTime())) throw new Error(`parsing time ${JSON.stringify(text)}: out of range`);
  return `${date.getTime() / 1000}.${fraction.padEnd(9, "0")}`;
}

function seconds(nanoseconds: bigint): string {
  const whole = nanoseconds / 1_000_000_000n;
  return `${whole}.${String(nanoseconds % 1_000_000_000n).padStart(9, "0")}`;
}
