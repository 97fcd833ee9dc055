import { decodeName, encodeName } from "../names.ts";
import { invalidHeader } from "./entry.ts";

/** Records of a POSIX.1-2001 extended header: `"%d %s=%s\n", length, key, value`, values as raw bytes. */
export type PaxRecords = Map<string, Uint8Array>;

export const XATTR_PREFIX = "SCHILY.xattr.";

/** Records in order; a key may come twice, which only GNU's sparse format 0.0 uses. */
export function* parsePax(body: Uint8Array): Generator<[key: string, value: Uint8Array]> {
  for (let at = 0; at < body.length; ) {
    let digits = at;
    let length = 0;
    while (digits < body.length && body[digits] !== 0x20) {
      const digit = body[digits]! - 0x30;
      if (digit < 0 || digit > 9 || digits - at > 8) throw invalidHeader("an extended record has no length");
      length = length * 10 + digit;
      digits++;
    }
    const end = at + length;
    if (digits === at || length < digits - at + 4 || end > body.length || body[end - 1] !== 0x0a) {
      throw invalidHeader("an extended record has a wrong length");
    }
    const equals = body.indexOf(0x3d, digits + 1);
    if (equals <= digits + 1 || equals >= end) throw invalidHeader("an extended record has no key");
    yield [decodeName(body.subarray(digits + 1, equals)), body.subarray(equals + 1, end - 1)];
    at = end;
  }
}

/** The bytes of an extended header's body. Keys are sorted, so that equal metadata gives equal bytes. */
export function formatPax(records: ReadonlyMap<string, Uint8Array | string>): Buffer {
  const parts: Uint8Array[] = [];
  for (const key of [...records.keys()].sort()) {
    const value = records.get(key)!;
    const valueBytes = typeof value === "string" ? encodeName(value) : value;
    const head = Buffer.concat([encodeName(` ${key}=`), valueBytes, Buffer.from("\n")]);
    parts.push(Buffer.from(recordLength(head.length)), head);
  }
  return Buffer.concat(parts);
}

/** A record's length counts its own digits. */
function recordLength(rest: number): string {
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  return String(length);
}

/** A path, link or user name; NUL would end it early for whoever reads it next. */
export function paxText(key: string, value: Uint8Array): string {
  if (value.includes(0)) throw invalidHeader(`NUL in ${key}`);
  return decodeName(value);
}

/** A non-negative decimal number of at most 2^53. */
export function paxNumber(key: string, value: Uint8Array): number {
  const text = decodeName(value);
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw invalidHeader(`${key} is no number`);
  return number;
}

const TIME = /^(-?)(\d{1,12})(?:\.(\d*))?$/;

/** Seconds with any number of decimals, in nanoseconds; what is finer is cut off. */
export function paxTimeNs(key: string, value: Uint8Array): bigint {
  const match = TIME.exec(decodeName(value));
  if (match === null) throw invalidHeader(`${key} is no time`);
  const fraction = (match[3] ?? "").slice(0, 9).padEnd(9, "0");
  const ns = BigInt(match[2]!) * 1_000_000_000n + BigInt(fraction);
  return match[1] === "-" ? -ns : ns;
}

/** Seconds with as many decimals as are needed. */
export function formatPaxTime(ns: bigint): string {
  const positive = ns < 0n ? -ns : ns;
  const fraction = String(positive % 1_000_000_000n)
    .padStart(9, "0")
    .replace(/0+$/, "");
  const seconds = `${ns < 0n ? "-" : ""}${positive / 1_000_000_000n}`;
  return fraction === "" ? seconds : `${seconds}.${fraction}`;
}
